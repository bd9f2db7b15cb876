//! Medians and other quantiles of measured times.

use std::time::Duration;

/// The value below which `share` (0 to 1) of the samples lie, in milliseconds; 0 without samples.
pub fn quantile_ms(samples: &[Duration], share: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index"
    )]
    let index = ((sorted.len().saturating_sub(1)) as f64 * share).round() as usize;
    sorted.get(index).map_or(0.0, |sample| sample.as_secs_f64() * 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_ends() {
        let samples: Vec<_> = [5, 1, 3].into_iter().map(Duration::from_millis).collect();
        assert!((quantile_ms(&samples, 0.5) - 3.0).abs() < 1e-9);
        assert!((quantile_ms(&samples, 1.0) - 5.0).abs() < 1e-9);
        assert!(quantile_ms(&[], 0.5).abs() < 1e-9);
    }
}

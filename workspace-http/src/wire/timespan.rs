//! Lengths of time as text.

use std::fmt;
use std::time::Duration;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Units with their milliseconds, the largest first.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A length of time: `"500ms"`, `"30s"`, `"30m"`, `"1h30m"`, `"7d"`, or a number of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timespan(pub(crate) Duration);

impl Timespan {
    /// Reads text.
    fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim();
        if let Ok(seconds) = rest.parse() {
            return Some(Self(Duration::from_secs(seconds)));
        }
        let mut total = Duration::ZERO;
        while !rest.is_empty() {
            let number = &rest[..rest.find(|c: char| !c.is_ascii_digit())?];
            rest = &rest[number.len()..];
            let unit = &rest[..rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len())];
            rest = &rest[unit.len()..];
            let (_, millis) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
            total = total.checked_add(Duration::from_millis(number.parse::<u64>().ok()?.checked_mul(millis)?))?;
        }
        (!text.trim().is_empty()).then_some(Self(total))
    }

    /// Whole seconds, a begun one counted.
    pub(crate) fn seconds(self) -> u64 {
        self.0.as_secs() + u64::from(self.0.subsec_nanos() > 0)
    }
}

impl From<u64> for Timespan {
    fn from(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl fmt::Display for Timespan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let fitting = UNITS.into_iter().find(|(_, unit)| millis > 0 && millis.is_multiple_of(*unit));
        let (name, unit) = fitting.unwrap_or(("s", 1_000));
        write!(f, "{}{name}", millis / unit)
    }
}

impl Serialize for Timespan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timespan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl Visitor<'_> for Either {
            type Value = Timespan;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a length of time such as \"500ms\", \"30s\", \"30m\" or \"1h\", or a number of seconds")
            }

            fn visit_u64<E: Error>(self, seconds: u64) -> Result<Timespan, E> {
                Ok(seconds.into())
            }

            fn visit_f64<E: Error>(self, seconds: f64) -> Result<Timespan, E> {
                let span = Duration::try_from_secs_f64(seconds);
                span.map(Timespan).map_err(|_| E::invalid_value(Unexpected::Float(seconds), &self))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Timespan, E> {
                Timespan::parse(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_numbers_and_back() {
        for (json, text, millis) in [
            ("\"500ms\"", "500ms", 500),
            ("\"30s\"", "30s", 30_000),
            ("\"90s\"", "90s", 90_000),
            ("\"30m\"", "30m", 1_800_000),
            ("\"1h30m\"", "90m", 5_400_000),
            ("\"24h\"", "1d", 86_400_000),
            ("45", "45s", 45_000),
            ("\"45\"", "45s", 45_000),
            ("0.5", "500ms", 500),
            ("0", "0s", 0),
        ] {
            let span: Timespan = serde_json::from_str(json).unwrap();
            assert_eq!((span.to_string().as_str(), span.0.as_millis()), (text, millis), "{json}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in ["\"\"", "\"soon\"", "\"-5s\"", "-5", "\"5 s\"", "\"s\"", "true", "\"99999999999999999999d\""] {
            assert!(serde_json::from_str::<Timespan>(bad).is_err(), "{bad}");
        }
    }
}

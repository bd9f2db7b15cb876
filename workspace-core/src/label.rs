//! Labels of servers and what a request demands of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Names and values, sorted by name.
pub type Labels = BTreeMap<String, String>;

/// What the labels of a server must, must not and should be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LabelRequirements {
    /// Each of these must be on the server with this value.
    pub must: Labels,
    /// None of these may be on the server with this value.
    pub must_not: Labels,
    /// Servers with more of these are taken first, where the strategy sees them as equal.
    pub prefer: Labels,
}

impl LabelRequirements {
    /// Requires these labels.
    pub fn must(labels: Labels) -> Self {
        Self { must: labels, ..Self::default() }
    }

    /// The first requirement that the labels do not meet, as text such as `needs gpu=true` or `excludes region=eu`.
    pub fn first_unmet(&self, labels: &Labels) -> Option<String> {
        let missing = self.must.iter().find(|&(name, value)| labels.get(name) != Some(value));
        if let Some((name, value)) = missing {
            return Some(match labels.get(name) {
                Some(other) => format!("needs {name}={value}, has {name}={other}"),
                None => format!("needs {name}={value}, has no {name}"),
            });
        }
        let present = self.must_not.iter().find(|&(name, value)| labels.get(name) == Some(value));
        present.map(|(name, value)| format!("excludes {name}={value}"))
    }

    /// How many of the preferred labels the server has.
    pub fn preferred(&self, labels: &Labels) -> usize {
        self.prefer.iter().filter(|&(name, value)| labels.get(name) == Some(value)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn unmet_requirements_are_told() {
        let wanted = LabelRequirements {
            must: labels(&[("region", "eu")]),
            must_not: labels(&[("gpu", "true")]),
            prefer: labels(&[("ssd", "true")]),
        };
        assert_eq!(wanted.first_unmet(&labels(&[("region", "us")])).unwrap(), "needs region=eu, has region=us");
        assert_eq!(wanted.first_unmet(&labels(&[])).unwrap(), "needs region=eu, has no region");
        assert_eq!(wanted.first_unmet(&labels(&[("region", "eu"), ("gpu", "true")])).unwrap(), "excludes gpu=true");
        assert_eq!(wanted.first_unmet(&labels(&[("region", "eu"), ("gpu", "false")])), None);
        assert_eq!(wanted.preferred(&labels(&[("ssd", "true")])), 1);
    }
}

//! Settings from the environment. A program reads all of them when it starts, so that a mistake in the deployment shows
//! there, with the variable's name, and not in the middle of a request.

use std::{env, str::FromStr};

use jiff::tz::TimeZone;

/// A variable of the environment is missing or not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// The variable is not set, or empty.
    #[error("environment variable {0} is not set")]
    Missing(&'static str),
    /// The variable's value is not one of those expected.
    #[error("environment variable {name} must be {expected}")]
    Invalid {
        /// The variable.
        name: &'static str,
        /// What it may be.
        expected: &'static str,
    },
}

/// The value of a variable that must be set.
pub fn required(name: &'static str) -> Result<String, SettingError> {
    optional(name).ok_or(SettingError::Missing(name))
}

/// The value of a variable that may be set. An empty one counts as not set.
pub fn optional(name: &'static str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The value of a variable that must be set and readable as `T`; `expected` says what that is.
pub fn required_as<T: FromStr>(name: &'static str, expected: &'static str) -> Result<T, SettingError> {
    required(name)?.parse().map_err(|_| SettingError::Invalid { name, expected })
}

/// The time zone in which the business day begins and ends, from `BUSINESS_TIME_ZONE`.
pub fn business_time_zone() -> Result<TimeZone, SettingError> {
    let name = "BUSINESS_TIME_ZONE";
    TimeZone::get(&required(name)?)
        .map_err(|_| SettingError::Invalid { name, expected: "a name of the IANA time zone database" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_variable() {
        assert_eq!(
            required("SETTINGS_TEST_ABSENT").unwrap_err().to_string(),
            "environment variable SETTINGS_TEST_ABSENT is not set"
        );
        let path: Result<u16, _> = required_as("PATH", "a port number");
        assert_eq!(path.unwrap_err().to_string(), "environment variable PATH must be a port number");
    }
}

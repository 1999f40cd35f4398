/// The largest input that is started, in bytes: Step Functions carries 256 KiB of state, and steps add to it.
pub const INPUT_BYTES_MAX: usize = 200 * 1024;

/// The largest input where it is a text inside of JSON, in bytes: in the event of a failed execution and the message that parks
/// it, and in the state machine's log of what failed. "If escaped input or escaped output sent to CloudWatch Logs exceeds 248KB, it
/// will be truncated" (AWS Step Functions Developer Guide, "Using CloudWatch Logs to log execution history in Step Functions").
/// Replaying adds a little. In the log of who starts an EXPRESS execution, its only copy, the input is no text but the JSON itself.
const LOGGED_INPUT_BYTES_MAX: usize = 240_000;

/// An input is larger than what has to carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InputTooLarge {
    /// The state of an execution.
    #[error("takes {0} bytes of workflow state, the limit is {INPUT_BYTES_MAX}")]
    State(usize),
    /// A text inside of JSON, in which quotation marks and backslashes take more.
    #[error(
        "takes {0} bytes of workflow state with its quotation marks escaped, the limit is {LOGGED_INPUT_BYTES_MAX}"
    )]
    Log(usize),
}

/// Whether an execution can have this JSON as its input.
pub fn check_input_size(input: &str) -> Result<(), InputTooLarge> {
    let logged = escaped_bytes(input);
    if input.len() > INPUT_BYTES_MAX {
        Err(InputTooLarge::State(input.len()))
    } else if logged > LOGGED_INPUT_BYTES_MAX {
        Err(InputTooLarge::Log(logged))
    } else {
        Ok(())
    }
}

/// How long a JSON text is inside of another one. It has no control characters; those in its own texts are escaped already.
fn escaped_bytes(json: &str) -> usize {
    json.len() + json.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A JSON text of so many bytes, one in `spacing` of which is a quotation mark with its backslash.
    fn json(bytes: usize, spacing: usize) -> String {
        let piece = format!("{}\\\"", "x".repeat(spacing - 2));
        let mut text = piece.repeat((bytes - 2) / spacing);
        text.push_str(&"x".repeat(bytes - 2 - text.len()));
        format!("\"{text}\"")
    }

    #[test]
    fn a_text_inside_of_json_is_as_long_as_it_is_said_to_be() {
        for text in ["{}", r#"{"a":"b\"c\\d\n","ç":"\u0001"}"#, &json(1_000, 10)] {
            let inside = serde_json::to_string(text).unwrap();
            assert_eq!(escaped_bytes(text), inside.len() - 2);
        }
    }

    #[test]
    fn an_input_goes_through_state_and_log() {
        assert_eq!(check_input_size(&json(INPUT_BYTES_MAX, 100)), Ok(()));
        assert_eq!(check_input_size(&json(INPUT_BYTES_MAX + 1, 100)), Err(InputTooLarge::State(INPUT_BYTES_MAX + 1)));
        let many_marks = json(INPUT_BYTES_MAX, 10);
        assert_eq!(check_input_size(&many_marks), Err(InputTooLarge::Log(escaped_bytes(&many_marks))));
    }

    #[test]
    fn a_log_takes_as_many_escaped_bytes_as_its_limit() {
        let marks = "\"".repeat(LOGGED_INPUT_BYTES_MAX / 2);
        assert_eq!(check_input_size(&marks), Ok(()));
        let longer = LOGGED_INPUT_BYTES_MAX + 1;
        assert_eq!(check_input_size(&format!("{marks}x")), Err(InputTooLarge::Log(longer)));
    }
}

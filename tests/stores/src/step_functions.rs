use aws_sdk_sfn::{Client, types::StateMachineType};
use uuid::Uuid;

/// Creates a state machine that takes any input and ends at once, and answers its ARN: for tests that look at what is
/// started, not at what becomes of it.
pub async fn accepting_state_machine(client: &Client) -> String {
    let definition = r#"{"StartAt": "Accept", "States": {"Accept": {"Type": "Pass", "End": true}}}"#;
    let created = client
        .create_state_machine()
        .name(format!("record-entries-{}", Uuid::new_v4().simple()))
        .definition(definition)
        .role_arn("arn:aws:iam::000000000000:role/tests")
        .r#type(StateMachineType::Standard)
        .send()
        .await
        .expect("the state machine is created");
    created.state_machine_arn
}

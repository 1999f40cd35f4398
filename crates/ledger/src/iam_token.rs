//! The token with which a role signs in to RDS in the place of a password.
//!
//! `aws-sdk-rds` can make one, and is by far the largest library that this project had: thousands of types of an API that it
//! never calls, compiled for one signature.

use std::error::Error;

use aws_clients::sign_address;
use aws_config::SdkConfig;
use url::Url;

/// A token for one role of one server: a signed address without its scheme. AWS, "Connecting to your DB instance using IAM authentication
/// from the command line" shows its form.
///
/// # Errors
/// The configuration has no region, no clock or no credentials, or the credentials cannot be had now.
pub async fn iam_token(
    sdk: &SdkConfig,
    host: &str,
    port: u16,
    user: &str,
) -> Result<String, Box<dyn Error + Send + Sync>> {
    let address = Url::parse(&format!("https://{host}:{port}/?Action=connect&DBUser={user}"))?;
    let signed = sign_address(sdk, "rds-db", address).await?;
    Ok(signed.url.as_str().trim_start_matches("https://").to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use aws_config::Region;
    use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
    use aws_smithy_async::time::StaticTimeSource;

    use super::*;

    fn sdk(session_token: Option<&str>) -> SdkConfig {
        let credentials = Credentials::new("akid", "secret", session_token.map(str::to_owned), None, "test");
        SdkConfig::builder()
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .region(Region::new("us-east-1"))
            .time_source(StaticTimeSource::new(UNIX_EPOCH + Duration::from_secs(1_724_709_600)))
            .build()
    }

    /// The example of `aws-sdk-rds`' own test, `signing_works`.
    #[tokio::test]
    async fn a_token_is_the_one_of_the_aws_sdk() {
        let token = iam_token(&sdk(None), "prod-instance.us-east-1.rds.amazonaws.com", 3306, "peccy").await;
        assert_eq!(
            token.expect("a token"),
            "prod-instance.us-east-1.rds.amazonaws.com:3306/?Action=connect&DBUser=peccy&X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=akid%2F20240826%2Fus-east-1%2Frds-db%2Faws4_request&X-Amz-Date=20240826T220000Z\
             &X-Amz-Expires=900&X-Amz-SignedHeaders=host\
             &X-Amz-Signature=dd0cba843009474347af724090233265628ace491ea17ce3eb3da098b983ad89"
        );
    }
    /// What `generate_db_auth_token` of botocore makes of the same, the other implementation of AWS. It signs the same parameters and
    /// writes them in another order.
    #[tokio::test]
    async fn a_token_of_temporary_credentials_is_the_one_of_botocore() {
        let host = "ledger.proxy-abc.us-east-1.rds.amazonaws.com";
        let token = iam_token(&sdk(Some("token/with+signs==")), host, 5432, "fluxo_functions").await.expect("a token");
        let expected = "ledger.proxy-abc.us-east-1.rds.amazonaws.com:5432/?Action=connect&DBUser=fluxo_functions\
             &X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=akid%2F20240826%2Fus-east-1%2Frds-db%2Faws4_request&X-Amz-Date=20240826T220000Z\
             &X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Security-Token=token%2Fwith%2Bsigns%3D%3D\
             &X-Amz-Signature=0ab73024bee6ededfc36a33427ca383aff7d91f230aa69209a4bb7097a0f24c4";
        assert_eq!(parameters(&token), parameters(expected));
    }

    /// The parts of an address, in an order of their own.
    fn parameters(token: &str) -> Vec<&str> {
        let mut parameters: Vec<&str> = token.split(['?', '&']).collect();
        parameters.sort_unstable();
        parameters
    }

    #[tokio::test]
    async fn without_a_region_there_is_no_token() {
        let sdk = sdk(None).to_builder().region(None::<Region>).build();
        assert_eq!(iam_token(&sdk, "ledger", 5432, "fluxo").await.expect_err("no region").to_string(), "no AWS region");
    }
}

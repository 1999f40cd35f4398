//! The claims of the caller's token, as API Gateway hands them over.

use aws_lambda_events::apigw::{
    ApiGatewayRequestAuthorizer, ApiGatewayRequestAuthorizerJwtDescription, ApiGatewayV2httpRequestContext,
};
use http_api::{Caller, Code};
use lambda_http::{Body, Request, RequestExt, request::RequestContext};

use crate::{refusal::assert_refusal, text_line};

/// A line with the use of the token, a line with the merchant, then the groups.
pub(crate) fn caller(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (token_use, rest) = text_line(text);
    let (merchant, groups) = text_line(rest);
    assert_caller(token_use, merchant, groups, is_clerk(groups));
    // As the gateway writes a list: Cognito's names of groups have no spaces in them.
    let names: Vec<&str> = groups.split(char::is_whitespace).filter(|name| !name.is_empty()).collect();
    assert_caller(token_use, merchant, &format!("[{}]", names.join(" ")), names.contains(&"clerk"));
}

/// Whether the claim is a list, in the form that HTTP APIs give it, that has `clerk` in it.
fn is_clerk(claim: &str) -> bool {
    let list = claim.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    list.is_some_and(|list| list.split(' ').any(|name| name == "clerk"))
}

fn assert_caller(token_use: &str, merchant: &str, groups: &str, may_write: bool) {
    let claims = [("token_use", token_use), ("custom:merchant_id", merchant), ("cognito:groups", groups)];
    match Caller::of(&request(&claims)) {
        Ok(caller) => {
            assert_eq!((token_use, caller.merchant().as_str()), ("id", merchant));
            assert!((1..=64).contains(&merchant.len()) && merchant.bytes().all(|byte| byte.is_ascii_graphic()));
            match caller.writing_merchant() {
                Ok(writing) => assert!(may_write && writing == caller.merchant(), "{groups:?}"),
                Err(problem) => {
                    assert!(!may_write, "{groups:?}");
                    assert_eq!(problem.code, Code::ClerkRequired);
                    assert_refusal(problem);
                }
            }
        }
        Err(problem) => {
            let expected = if token_use == "id" { Code::MerchantMissing } else { Code::IdTokenRequired };
            assert_eq!(problem.code, expected);
            assert_refusal(problem);
        }
    }
}

fn request(claims: &[(&str, &str)]) -> Request {
    let mut jwt = ApiGatewayRequestAuthorizerJwtDescription::default();
    jwt.claims = claims.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut authorizer = ApiGatewayRequestAuthorizer::default();
    authorizer.jwt = Some(jwt);
    let mut context = ApiGatewayV2httpRequestContext::default();
    context.authorizer = Some(authorizer);
    Request::new(Body::Empty).with_request_context(RequestContext::ApiGatewayV2(context))
}

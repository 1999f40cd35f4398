use std::collections::HashMap;

use cashflow::MerchantId;
use lambda_http::{Request, RequestExt, request::RequestContext};

use crate::{Code, Problem};

const CLERK: &str = "clerk";

const OPERATOR: &str = "operator";

/// Who is calling, from the claims that API Gateway has verified. Nothing in the request itself has a say in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    merchant: MerchantId,
    is_clerk: bool,
    is_operator: bool,
}

impl Caller {
    /// Reads the caller from the claims of the JWT authorizer.
    ///
    /// The authorizer lets access tokens of the same client pass as well; only ID tokens carry the merchant, so only they
    /// count.
    pub fn of(request: &Request) -> Result<Caller, Problem> {
        let claims = claims(request)
            .filter(|claims| claims.get("token_use").is_some_and(|token_use| token_use == "id"))
            .ok_or_else(|| Problem::new(Code::IdTokenRequired, "Send the ID token of your sign-in, no other token."))?;
        let merchant =
            claims.get("custom:merchant_id").and_then(|merchant| MerchantId::parse(merchant).ok()).ok_or_else(
                || Problem::new(Code::MerchantMissing, "The user has no valid merchant (claim custom:merchant_id)."),
            )?;
        let groups = claims.get("cognito:groups").map_or("", String::as_str);
        let is_in = |group: &str| group_names(groups).any(|name| name == group);
        Ok(Caller { merchant, is_clerk: is_in(CLERK), is_operator: is_in(OPERATOR) })
    }

    /// The caller's merchant, for reading.
    pub fn merchant(&self) -> &MerchantId {
        &self.merchant
    }

    /// Whether the caller may see which execution records an entry: users in the group `operator`.
    pub fn is_operator(&self) -> bool {
        self.is_operator
    }

    /// The caller's merchant, for writing: only users in the group `clerk` may.
    pub fn writing_merchant(&self) -> Result<&MerchantId, Problem> {
        if self.is_clerk {
            Ok(&self.merchant)
        } else {
            Err(Problem::new(Code::ClerkRequired, "Writing needs a user in the group clerk."))
        }
    }
}

fn claims(request: &Request) -> Option<&HashMap<String, String>> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => Some(&context.authorizer.as_ref()?.jwt.as_ref()?.claims),
        // Other kinds of API have no JWT authorizer.
        _ => None,
    }
}

/// HTTP APIs hand an array claim over as one string: `[clerk viewer]`. Only its own brackets and spaces count: Cognito allows
/// further brackets in the name of a group, and `clerk]` is not `clerk`.
fn group_names(claim: &str) -> impl Iterator<Item = &str> {
    let list = claim.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    list.into_iter().flat_map(|list| list.split(' '))
}

#[cfg(test)]
mod tests {
    use aws_lambda_events::apigw::{
        ApiGatewayRequestAuthorizer, ApiGatewayRequestAuthorizerJwtDescription, ApiGatewayV2httpRequestContext,
    };
    use lambda_http::Body;

    use super::*;

    fn request(claims: &[(&str, &str)]) -> Request {
        let mut jwt = ApiGatewayRequestAuthorizerJwtDescription::default();
        jwt.claims = claims.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut authorizer = ApiGatewayRequestAuthorizer::default();
        authorizer.jwt = Some(jwt);
        let mut context = ApiGatewayV2httpRequestContext::default();
        context.authorizer = Some(authorizer);
        Request::new(Body::Empty).with_request_context(RequestContext::ApiGatewayV2(context))
    }

    fn check(claims: &[(&str, &str)], expected: Result<&str, Code>) {
        let written = Caller::of(&request(claims)).and_then(|caller| caller.writing_merchant().cloned());
        let written = written.as_ref().map(MerchantId::as_str).map_err(|problem| problem.code);
        assert_eq!(written, expected, "{claims:?}");
    }

    #[test]
    fn a_clerk_writes_for_the_merchant_of_the_id_token() {
        let merchant = ("custom:merchant_id", "acme");
        let id = ("token_use", "id");
        check(&[id, merchant, ("cognito:groups", "[clerk]")], Ok("acme"));
        check(&[id, merchant, ("cognito:groups", "[viewer clerk]")], Ok("acme"));
        check(&[id, merchant, ("cognito:groups", "[viewer]")], Err(Code::ClerkRequired));
        check(&[id, merchant, ("cognito:groups", "[clerks not-clerk]")], Err(Code::ClerkRequired));
        check(&[id, merchant, ("cognito:groups", "[clerk] [[clerk]")], Err(Code::ClerkRequired));
        check(&[id, merchant, ("cognito:groups", "[]")], Err(Code::ClerkRequired));
        check(&[id, merchant], Err(Code::ClerkRequired));
        check(&[id, ("cognito:groups", "[clerk]")], Err(Code::MerchantMissing));
        check(&[id, ("custom:merchant_id", ""), ("cognito:groups", "[clerk]")], Err(Code::MerchantMissing));
        check(&[id, ("custom:merchant_id", "a\nb"), ("cognito:groups", "[clerk]")], Err(Code::MerchantMissing));
        check(&[("token_use", "access"), merchant, ("cognito:groups", "[clerk]")], Err(Code::IdTokenRequired));
        check(&[merchant, ("cognito:groups", "[clerk]")], Err(Code::IdTokenRequired));
    }

    #[test]
    fn only_the_group_operator_makes_an_operator() {
        let is_operator = |groups: &str| {
            let claims = [("token_use", "id"), ("custom:merchant_id", "acme"), ("cognito:groups", groups)];
            Caller::of(&request(&claims)).unwrap().is_operator()
        };
        assert!(is_operator("[operator]") && is_operator("[clerk operator]"));
        for groups in ["", "[]", "[clerk]", "operator", "[operators co-operator]", "[operator] [[operator]"] {
            assert!(!is_operator(groups), "{groups:?}");
        }
    }

    #[test]
    fn a_request_that_no_authorizer_has_seen_is_refused() {
        assert_eq!(Caller::of(&Request::new(Body::Empty)).unwrap_err().code, Code::IdTokenRequired);
        let context = RequestContext::ApiGatewayV2(ApiGatewayV2httpRequestContext::default());
        let request = Request::new(Body::Empty).with_request_context(context);
        assert_eq!(Caller::of(&request).unwrap_err().code, Code::IdTokenRequired);
    }
}

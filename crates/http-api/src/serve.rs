use lambda_http::{Body, Request, RequestExt, Response, request::RequestContext};
use telemetry::{Invocation, RefusalMetrics, Telemetry};

use crate::Code;

/// Answers a request: what is logged and measured meanwhile belongs to it, and a refusal is counted by its code.
pub async fn serve(
    telemetry: &Telemetry,
    request: &Request,
    answer: impl Future<Output = Response<Body>>,
) -> Response<Body> {
    // On the heap, as in `Telemetry::follow`.
    let answer = Box::pin(answer);
    let answer = async {
        let response = answer.await;
        if let Some(code) = response.extensions().get::<Code>() {
            let code = code.as_str();
            tracing::info!(code, "request refused");
            telemetry.metrics.emit(RefusalMetrics { code, requests_refused: 1 });
        }
        response
    };
    telemetry.follow(invocation(request), answer).await
}

fn invocation(request: &Request) -> Invocation<'_> {
    let context = request.lambda_context_ref();
    let (request_id, trace_header) =
        context.map_or(("", None), |context| (&context.request_id, context.xray_trace_id.as_deref()));
    let api_request_id = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.request_id.as_deref(),
        _ => None,
    };
    Invocation::new(request_id, trace_header).of_request(api_request_id)
}

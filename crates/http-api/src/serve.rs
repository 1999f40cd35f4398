use lambda_http::{Body, Request, RequestExt, Response, request::RequestContext};
use telemetry::{Invocation, Line, RefusalMetrics, StoreMetrics, Telemetry};

use crate::Code;

/// Answers a request: what is logged and measured meanwhile belongs to it, and a refusal is counted by its code. Its calls of
/// stores that no other line has told are in the line that it gets here.
pub async fn serve(
    telemetry: &Telemetry,
    request: &Request,
    answer: impl Future<Output = Response<Body>>,
) -> Response<Body> {
    // On the heap, as in `Telemetry::observe`.
    let answer = Box::pin(answer);
    let answer = async {
        let response = answer.await;
        let stores = StoreMetrics::take();
        if let Some(code) = response.extensions().get::<Code>() {
            let refusal = RefusalMetrics { code: code.as_str(), stores };
            telemetry.metrics.emit(&Line::new("request refused"), refusal);
        } else if !stores.is_empty() {
            telemetry.metrics.emit(&Line::new("request answered"), stores);
        }
        response
    };
    telemetry.observe(invocation(request), answer).await
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

//! The OpenAPI document.

use utoipa::OpenApi as _;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Info, OpenApi, PathItem, Ref, ResponseBuilder, SecurityRequirement};
use utoipa_axum::router::OpenApiRouter;

use crate::problem::Document;
use crate::routes;
use crate::state::Api;

/// What no route names: the body of errors.
#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(Document)))]
struct Common;

/// The OpenAPI 3.1 document of the API, as `/api/v1/openapi.json` serves it.
pub fn openapi() -> OpenApi {
    let mut document = described(routes::all()).into_openapi();
    // A catch-all is a matter of the router; the document knows only parameters.
    let paths = std::mem::take(&mut document.paths.paths);
    for (path, mut item) in paths {
        for operation in operations(&mut item) {
            complete(&path, operation);
        }
        document.paths.paths.insert(path.replace("{*", "{"), item);
    }
    document
}

/// The routes with what stands at the head of the document.
pub(crate) fn described(routes: OpenApiRouter<Api>) -> OpenApiRouter<Api> {
    let mut info = Info::new("workspace-fleet", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "Turns a handful of Docker servers into a safe fleet of developer and AI-agent workspaces. Every error is a \
         problem document (RFC 9457) with a stable `code`. POST that creates takes `Idempotency-Key`; PATCH and \
         DELETE take `If-Match` with the ETag of the last answer. Long operations answer 202; with `?wait=<seconds>` \
         they answer when the resource is at rest. Events are numbered without holes; where old ones are no longer \
         kept, the first is a `gap` event that says `from` and `to` which number."
            .to_owned(),
    );
    let mut head = Common::openapi();
    head.info = info;
    let mut routes = OpenApiRouter::with_openapi(head).merge(routes);
    let components = routes.get_openapi_mut().components.get_or_insert_default();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.security_schemes.insert("token".to_owned(), SecurityScheme::Http(bearer).into());
    routes
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete].into_iter().flatten()
}

/// What every operation has: a token, and problems for errors.
fn complete(path: &str, operation: &mut Operation) {
    // Functions are named within their file, operations among all.
    let tag = operation.tags.iter().flatten().next();
    if let (Some(tag), Some(id)) = (tag, &operation.operation_id) {
        operation.operation_id = Some(format!("{tag}_{id}"));
    }
    if path.starts_with("/api/") {
        operation.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], _>("token", [])]);
    }
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let problem = ResponseBuilder::new().description("Anything else").content("application/problem+json", content);
    operation.responses.responses.insert("default".to_owned(), problem.build().into());
}

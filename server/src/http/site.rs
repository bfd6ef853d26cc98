//! Static files: JavaScript, WebAssembly, CSS, icons.

use std::path::Path;

use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, header::CACHE_CONTROL},
    middleware::{Next, from_fn},
    response::Response,
};
use leptos::config::LeptosOptions;
use tower::ServiceBuilder;
use tower_http::services::{ServeDir, ServeFile};

use super::AppState;

/// For hashed file names: their content never changes.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// For all other files: the browser revalidates its copy each time.
const REVALIDATE: HeaderValue = HeaderValue::from_static("public, max-age=0, must-revalidate");

/// The routes of the static files, served precompressed if the build compressed them.
pub(super) fn routes(options: &LeptosOptions) -> Router<AppState> {
    let root = Path::new(options.site_root.as_ref());
    let package = ServeDir::new(root.join(options.site_pkg_dir.as_ref())).precompressed_br().precompressed_gzip();
    let mut router = Router::new().nest_service("/pkg", ServiceBuilder::new().layer(from_fn(cache)).service(package));
    for file in ["favicon.svg", "robots.txt"] {
        let service = ServiceBuilder::new().layer(from_fn(cache)).service(ServeFile::new(root.join(file)));
        router = router.route_service(&format!("/{file}"), service);
    }
    router
}

/// Sets `Cache-Control`, except on errors: a missing file may exist after the next deploy.
async fn cache(request: Request, next: Next) -> Response {
    let hashed = has_hash(request.uri().path());
    let mut response = next.run(request).await;
    if !response.status().is_client_error() {
        response.headers_mut().insert(CACHE_CONTROL, if hashed { IMMUTABLE } else { REVALIDATE });
    }
    response
}

/// Whether the file name has the build's content hash: `brightmeter.QX0RB2ZWAQcbyCdwFVoIPg.wasm`.
fn has_hash(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let mut parts = name.split('.');
    parts.next() == Some("brightmeter") && parts.next().is_some_and(|hash| hash.len() >= 20) && parts.next().is_some()
}

#[cfg(test)]
mod tests {
    use super::has_hash;

    #[test]
    fn only_hashed_file_names_are_cached_forever() {
        for name in ["brightmeter.QX0RB2ZWAQcbyCdwFVoIPg.wasm", "/pkg/brightmeter.iJGW_f4G-TmAlpXXDSsnfw.css"] {
            assert!(has_hash(name), "{name}");
        }
        for name in ["brightmeter.wasm", "brightmeter.js", "/favicon.svg", "other.QX0RB2ZWAQcbyCdwFVoIPg.js", ""] {
            assert!(!has_hash(name), "{name}");
        }
    }
}

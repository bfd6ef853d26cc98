//! The browser's files: script, wasm, style, icons.

use std::path::Path;

use axum::Router;
use axum::http::{HeaderValue, header::CACHE_CONTROL};
use leptos::config::LeptosOptions;
use tower::ServiceBuilder;
use tower_http::{
    services::{ServeDir, ServeFile},
    set_header::SetResponseHeaderLayer,
};

use super::AppState;

/// Precompressed where the build made it so. Names carry no hash, so a browser asks each time whether its copy is current.
pub(super) fn routes(options: &LeptosOptions) -> Router<AppState> {
    let root = Path::new(options.site_root.as_ref());
    let revalidate = || {
        SetResponseHeaderLayer::overriding(
            CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=0, must-revalidate"),
        )
    };
    let package = ServeDir::new(root.join(options.site_pkg_dir.as_ref())).precompressed_br().precompressed_gzip();
    let mut router = Router::new().nest_service("/pkg", ServiceBuilder::new().layer(revalidate()).service(package));
    for file in ["favicon.svg", "robots.txt"] {
        let service = ServiceBuilder::new().layer(revalidate()).service(ServeFile::new(root.join(file)));
        router = router.route_service(&format!("/{file}"), service);
    }
    router
}

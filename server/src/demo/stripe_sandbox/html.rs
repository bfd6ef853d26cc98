//! The HTML of the sandbox's pages: self-contained, without scripts, unlike the site's design.

use axum::{
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY},
    },
    response::{Html, IntoResponse, Response},
};
use brightmeter::time::Instant;

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";
const STYLE: &str = "
:root { color-scheme: light dark; --line: light-dark(#c9c9d2, #4a4a55); --soft: light-dark(#f4f4f8, #24242b); }
* { box-sizing: border-box; }
body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; background: light-dark(#fff, #17171b); color: light-dark(#1b1b22, #ececf1); }
main { max-width: 46rem; margin: 0 auto; padding: 1rem; }
.banner { margin: 0; padding: .5rem 1rem; text-align: center; background: #ffe08a; color: #33260a; font-weight: 600; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2rem; } h3 { font-size: 1rem; margin: 0; }
a { color: light-dark(#0b5cad, #8cc4ff); }
article, li { overflow-wrap: anywhere; }
code { font-size: .85em; }
article, fieldset, li { border: 1px solid var(--line); border-radius: .5rem; padding: .75rem; margin: 0 0 .75rem; }
fieldset label { display: block; padding: .25rem 0; }
ul { list-style: none; margin: 0; padding: 0; }
form label input:not([type=radio]), select { display: block; }
form { display: flex; flex-wrap: wrap; gap: .5rem; align-items: end; margin: .5rem 0 0; }
form fieldset { flex: 1 1 100%; margin: 0; min-width: 0; }
button { position: relative; font: inherit; min-height: 2.75rem; padding: .4rem 1rem; border: 1px solid var(--line); border-radius: .5rem;
  background: var(--soft); color: inherit; cursor: pointer; }
button.first { background: #0b5cad; border-color: #0b5cad; color: #fff; }
input:not([type=radio]), select { font: inherit; min-height: 2.75rem; width: 10rem; max-width: 100%; padding: .4rem; border: 1px solid var(--line);
  border-radius: .5rem; }
:focus-visible { outline: 3px solid light-dark(#0b5cad, #8cc4ff); outline-offset: 2px; }
details { margin-top: .75rem; } summary { min-height: 2.75rem; padding: .6rem 0; cursor: pointer; }
.amount { font-size: 2rem; font-weight: 600; margin: .25rem 0; }
.alert { border: 2px solid light-dark(#b3261e, #ff9a92); border-radius: .5rem; padding: .75rem; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
";

/// A page with one heading; `content` is HTML.
pub(super) fn page(status: StatusCode, heading: &str, content: &str) -> Response {
    let heading = escape(heading);
    let html = format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{heading} – Stripe sandbox</title>
<style>{STYLE}</style>
</head>
<body>
<header><p class="banner">Stripe sandbox. No real money moves.</p></header>
<main>
<h1>{heading}</h1>
{content}
</main>
</body>
</html>
"#
    );
    (status, [(CONTENT_SECURITY_POLICY, POLICY), (CACHE_CONTROL, "no-store")], Html(html)).into_response()
}

/// The 404 page.
pub(super) fn missing(what: &str) -> Response {
    page(StatusCode::NOT_FOUND, "Not found", &format!("<p>This {} doesn't exist.</p>", escape(what)))
}

/// An error message that screen readers announce immediately.
pub(super) fn alert(message: &str) -> String {
    format!(r#"<p class="alert" role="alert">{}</p>"#, escape(message))
}

/// Formats the UTC date of `at`, in seconds since 1970.
pub(super) fn day(at: i64) -> String {
    Instant::from_timestamp(at, 0).unwrap_or_default().format("%-d %B %Y").to_string()
}

/// Escapes text for HTML content and quoted attributes.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

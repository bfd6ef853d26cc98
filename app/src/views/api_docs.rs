//! View models of `/api/docs`. Rendered only on the server.

/// `/api/docs`: the REST API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiDocs {
    /// Whether the server's public URL uses https.
    pub https: bool,
    /// The calls, grouped by tag.
    pub groups: Vec<ApiGroup>,
    /// All error codes.
    pub problems: Vec<ApiProblem>,
}

/// A tag with its calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiGroup {
    /// The tag's name.
    pub name: String,
    /// The tag's description.
    pub description: String,
    /// The calls.
    pub calls: Vec<ApiCall>,
}

/// An API call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiCall {
    /// The operation id.
    pub id: String,
    /// `GET` or `POST`.
    pub method: String,
    /// `/api/v1/…`.
    pub path: String,
    /// A short summary.
    pub summary: String,
    /// The full description.
    pub description: String,
    /// The parameters, headers and body fields.
    pub fields: Vec<ApiField>,
    /// The responses.
    pub answers: Vec<ApiAnswer>,
    /// An example as a curl command.
    pub curl: String,
}

/// A parameter, header or body field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiField {
    /// The field's name.
    pub name: String,
    /// `path`, `query`, `header` or `body`.
    pub place: String,
    /// The type and its limits: `integer, 1 to 10000`.
    pub kind: String,
    /// Whether it is required.
    pub required: bool,
    /// The field's description.
    pub description: String,
}

/// A response of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiAnswer {
    /// The HTTP status.
    pub status: String,
    /// The response's description.
    pub description: String,
}

/// An error code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiProblem {
    /// The code.
    pub code: String,
    /// The HTTP status.
    pub status: u16,
    /// A short title.
    pub title: String,
    /// How to fix it.
    pub fix: String,
}

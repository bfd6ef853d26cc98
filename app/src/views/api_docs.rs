//! What `/api/docs` shows: rendered by the server alone.

/// `/api/docs`: the REST API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiDocs {
    /// Whether people reach this server by https.
    pub https: bool,
    /// The calls, by what they are for.
    pub groups: Vec<ApiGroup>,
    /// Every kind of problem.
    pub problems: Vec<ApiProblem>,
}

/// Calls that serve one end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiGroup {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The calls.
    pub calls: Vec<ApiCall>,
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiCall {
    /// Its name for programs.
    pub id: String,
    /// `GET` or `POST`.
    pub method: String,
    /// `/api/v1/…`.
    pub path: String,
    /// What it does, in a few words.
    pub summary: String,
    /// The same at length.
    pub description: String,
    /// What it takes.
    pub fields: Vec<ApiField>,
    /// What it answers.
    pub answers: Vec<ApiAnswer>,
    /// How to try it.
    pub curl: String,
}

/// A parameter, header or field of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiField {
    /// Its name.
    pub name: String,
    /// `path`, `query`, `header` or `body`.
    pub place: String,
    /// What it holds: `integer, 1 to 10000`.
    pub kind: String,
    /// Whether it has to be there.
    pub required: bool,
    /// What it means.
    pub description: String,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiAnswer {
    /// Its HTTP status.
    pub status: String,
    /// When it comes.
    pub description: String,
}

/// A kind of problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiProblem {
    /// Its code.
    pub code: String,
    /// Its HTTP status.
    pub status: u16,
    /// In a few words.
    pub title: String,
    /// What to do about it.
    pub mend: String,
}

//! The AI provider for any server with OpenAI's chat completions API.

mod prompt;
#[cfg(test)]
mod tests;

use std::time::Duration;

use brightmeter::features::quest::{Goal, QuestDraft, RawQuest};
use reqwest::{
    Client, Response, StatusCode, Url,
    header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER},
    redirect,
};
use serde::{Deserialize, de::DeserializeOwned};
use thiserror::Error;
use tokio::time::{Instant, sleep, timeout_at};

use super::{AiError, AiProvider};

/// The client's timeouts and size limits.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The timeout for opening one connection.
    pub connect: Duration,
    /// The timeout for everything: connecting, the answer, the pause and the retry.
    pub deadline: Duration,
    /// The pause before the retry, unless the vendor sends `Retry-After`.
    pub retry_pause: Duration,
    /// The maximum size of an answer, in bytes. Bytes read count, not the `Content-Length`.
    pub body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            deadline: Duration::from_secs(30),
            retry_pause: Duration::from_millis(500),
            body_bytes: 256 * 1024,
        }
    }
}

/// A client for one vendor and one model.
#[derive(Debug)]
pub struct OpenAi {
    name: String,
    model: String,
    endpoint: Url,
    // Marked sensitive, so `Debug` prints "Sensitive".
    authorization: Option<HeaderValue>,
    limits: Limits,
    client: Client,
}

impl OpenAi {
    /// Creates a client for the vendor at `base_url`, such as `https://api.openai.com/v1`, with the default [`Limits`].
    ///
    /// # Errors
    /// [`OpenAiConfigError`] if a value is invalid. It names the variable and the expected form, but never the value.
    pub fn new(base_url: &str, api_key: Option<&str>, model: &str) -> Result<Self, OpenAiConfigError> {
        Self::with_limits(base_url, api_key, model, Limits::default())
    }

    /// Creates a client with the given limits.
    ///
    /// # Errors
    /// The same as [`OpenAi::new`].
    pub fn with_limits(
        base_url: &str,
        api_key: Option<&str>,
        model: &str,
        limits: Limits,
    ) -> Result<Self, OpenAiConfigError> {
        let endpoint = endpoint(base_url)?;
        if model.trim().is_empty() || model.len() > 200 || model.chars().any(char::is_control) {
            return Err(OpenAiConfigError::Model);
        }
        let client = Client::builder()
            .connect_timeout(limits.connect)
            // A redirect could send the goal and the API key to a host that is not configured.
            .redirect(redirect::Policy::none())
            // HTTP_PROXY and the like are set for other programs. They must not send goals elsewhere.
            .no_proxy()
            .build()
            .map_err(OpenAiConfigError::Client)?;
        Ok(Self {
            name: format!("{}/{}", endpoint.host_str().unwrap_or_default(), model.trim()),
            model: model.trim().to_owned(),
            endpoint,
            authorization: api_key.map(bearer).transpose()?,
            limits,
            client,
        })
    }

    /// Sends the request, and retries it once after a transient failure.
    ///
    /// Generation is not idempotent, and the chat completions API has no idempotency key. After a 502 or 504 the vendor
    /// may have generated an answer, and may bill us for both requests. We carry that cost, not the customer: the caller
    /// opens one hold before the call and captures it once afterwards, however many requests it took.
    async fn request_quests(&self, goal: &Goal, deadline: Instant) -> Result<Vec<QuestDraft>, AiError> {
        let request = prompt::request(&self.model, goal);
        let failure = match self.attempt(&request).await {
            Ok(answer) => return quests(&answer),
            Err(failure) => failure,
        };
        let Some(pause) = failure.retry_in(self.limits.retry_pause) else {
            return Err(failure.error);
        };
        // A pause beyond the deadline would only replace a specific error by a late timeout.
        if Instant::now() + pause >= deadline {
            return Err(failure.error);
        }
        tracing::warn!(provider = self.name, error = &failure.error as &dyn std::error::Error, "retrying once");
        sleep(pause).await;
        quests(&self.attempt(&request).await.map_err(|failure| failure.error)?)
    }

    async fn attempt(&self, request: &serde_json::Value) -> Result<Vec<u8>, Failure> {
        let mut call = self.client.post(self.endpoint.clone()).json(request);
        if let Some(authorization) = &self.authorization {
            call = call.header(AUTHORIZATION, authorization.clone());
        }
        let response = call.send().await.map_err(Failure::of_call)?;
        let status = response.status();
        if status.is_success() {
            read(response, self.limits.body_bytes).await.map_err(Failure::permanent)
        } else {
            Err(Failure::of_status(status, retry_after(response.headers())))
        }
    }
}

#[async_trait::async_trait]
impl AiProvider for OpenAi {
    fn name(&self) -> &str {
        &self.name
    }

    async fn generate_quests(&self, goal: &Goal) -> Result<Vec<QuestDraft>, AiError> {
        let deadline = Instant::now() + self.limits.deadline;
        timeout_at(deadline, self.request_quests(goal, deadline)).await.unwrap_or(Err(AiError::Timeout))
    }
}

/// The reason the provider cannot be set up. No variant contains the value: a URL or an API key may be a secret.
#[derive(Debug, Error)]
pub enum OpenAiConfigError {
    /// The base URL is not an http or https URL with a host.
    #[error("AI_BASE_URL must be a URL such as https://api.openai.com/v1")]
    BaseUrl,
    /// The base URL contains credentials, which would end up in logs.
    #[error("AI_BASE_URL must not contain a user name or password: put the API key in AI_API_KEY")]
    BaseUrlCredentials,
    /// The base URL has a query or fragment. The path of the API is appended, so neither is allowed.
    #[error("AI_BASE_URL must not contain a query or fragment: remove everything from the ? or # on")]
    BaseUrlQuery,
    /// The API key cannot be sent in a header.
    #[error("AI_API_KEY must consist of visible ASCII characters without spaces")]
    ApiKey,
    /// The model's name is empty, too long or has control characters.
    #[error("AI_MODEL must be the name of a model, such as gpt-4o-mini")]
    Model,
    /// The HTTP client could not be created.
    #[error("the HTTP client for the AI service could not be created")]
    Client(#[source] reqwest::Error),
}

/// A failed request.
struct Failure {
    error: AiError,
    /// Whether a retry may succeed.
    is_transient: bool,
    retry_after: Option<Duration>,
}

impl Failure {
    fn permanent(error: AiError) -> Self {
        Self { error, is_transient: false, retry_after: None }
    }

    fn of_call(error: reqwest::Error) -> Self {
        let is_transient = error.is_connect();
        Self {
            error: if is_transient { AiError::Unreachable(error) } else { AiError::Interrupted(error) },
            is_transient,
            retry_after: None,
        }
    }

    fn of_status(status: StatusCode, retry_after: Option<Duration>) -> Self {
        let code = status.as_u16();
        let error = match code {
            401 | 403 => AiError::Rejected { code },
            429 => AiError::RateLimited { retry_after },
            _ => AiError::Status { code },
        };
        Self { error, is_transient: matches!(code, 429 | 500 | 502 | 503 | 504), retry_after }
    }

    fn retry_in(&self, pause: Duration) -> Option<Duration> {
        self.is_transient.then(|| self.retry_after.unwrap_or(pause))
    }
}

fn endpoint(base_url: &str) -> Result<Url, OpenAiConfigError> {
    let mut url = Url::parse(base_url.trim()).map_err(|_| OpenAiConfigError::BaseUrl)?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(OpenAiConfigError::BaseUrl);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(OpenAiConfigError::BaseUrlCredentials);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(OpenAiConfigError::BaseUrlQuery);
    }
    url.path_segments_mut().map_err(|()| OpenAiConfigError::BaseUrl)?.pop_if_empty().extend(["chat", "completions"]);
    Ok(url)
}

fn bearer(key: &str) -> Result<HeaderValue, OpenAiConfigError> {
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(OpenAiConfigError::ApiKey);
    }
    let mut value = HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| OpenAiConfigError::ApiKey)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Reads the seconds form, which vendors send. The date form would need the wall clock and is ignored.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse::<u32>().ok()?;
    Some(Duration::from_secs(seconds.into()))
}

async fn read(mut response: Response, limit: usize) -> Result<Vec<u8>, AiError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(AiError::Interrupted)? {
        if body.len() + chunk.len() > limit {
            return Err(AiError::TooLarge { limit });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
    refusal: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    quests: Vec<RawQuest>,
}

fn quests(body: &[u8]) -> Result<Vec<QuestDraft>, AiError> {
    let completion: Completion = json(body)?;
    let choice = completion.choices.into_iter().next().ok_or_else(|| bad("no choices"))?;
    // Only the failure reasons are checked: servers disagree on the name of the successful one.
    match choice.finish_reason.as_deref() {
        Some("length") => return Err(AiError::Truncated),
        Some("content_filter") => return Err(AiError::Refused),
        _ => {}
    }
    if choice.message.refusal.is_some_and(|refusal| !refusal.is_empty()) {
        return Err(AiError::Refused);
    }
    let content = choice.message.content.ok_or_else(|| bad("no content"))?;
    let answer: Answer = json(unfenced(&content).as_bytes())?;
    QuestDraft::parse_batch(answer.quests).map_err(bad)
}

/// Removes a Markdown fence: some servers ignore the response format and wrap the JSON in one.
fn unfenced(content: &str) -> &str {
    let content = content.trim();
    let fenced = content.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    // The language's name may follow the opening fence.
    fenced.map_or(content, |inside| inside.trim_start_matches(|c: char| c.is_ascii_alphabetic()))
}

fn json<T: DeserializeOwned>(text: &[u8]) -> Result<T, AiError> {
    serde_json::from_slice(text).map_err(|error| if error.is_data() { bad(error) } else { AiError::NotJson(error) })
}

fn bad(reason: impl ToString) -> AiError {
    AiError::BadAnswer(reason.to_string().chars().take(200).collect())
}

//! Any server that speaks OpenAI's chat-completions API.

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

/// How long and how much this client takes from a vendor.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For one connection to come about.
    pub connect: Duration,
    /// For everything: connecting, the answer, the pause and the retry.
    pub deadline: Duration,
    /// Before the retry, unless the vendor names another time.
    pub retry_pause: Duration,
    /// How much of an answer is read, in bytes; its `Content-Length` is not believed.
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

/// A client of one vendor and one model.
#[derive(Debug)]
pub struct OpenAi {
    name: String,
    model: String,
    endpoint: Url,
    // Marked sensitive, so Debug shows it as "Sensitive".
    authorization: Option<HeaderValue>,
    limits: Limits,
    client: Client,
}

impl OpenAi {
    /// A client of the vendor at `base_url`, such as `https://api.openai.com/v1`, with the default [`Limits`].
    ///
    /// # Errors
    /// Names the variable that cannot be used and what it must look like; never repeats its value.
    pub fn new(base_url: &str, api_key: Option<&str>, model: &str) -> Result<Self, OpenAiConfigError> {
        Self::with_limits(base_url, api_key, model, Limits::default())
    }

    /// The same with other limits.
    ///
    /// # Errors
    /// As [`OpenAi::new`].
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
            // A redirect could carry the goal and the key to a host nobody configured.
            .redirect(redirect::Policy::none())
            // HTTP_PROXY and its kin are set for other programs; they must not decide who sees goals.
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

    /// Asks once, and once more if the failure may pass.
    ///
    /// Generating is not idempotent, and chat-completions know no idempotency key: behind a 502 or 504 the vendor may
    /// have generated, and bill us for both requests. That is our risk and never the customer's: whoever calls this holds
    /// the tokens once before and captures once after, however many requests it took.
    async fn ask(&self, goal: &Goal, deadline: Instant) -> Result<Vec<QuestDraft>, AiError> {
        let request = prompt::request(&self.model, goal);
        let failure = match self.attempt(&request).await {
            Ok(answer) => return quests(&answer),
            Err(failure) => failure,
        };
        let Some(pause) = failure.retry_in(self.limits.retry_pause) else {
            return Err(failure.error);
        };
        // A pause that does not fit would only turn a clear failure into a late and vague one.
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
            read(response, self.limits.body_bytes).await.map_err(Failure::last)
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
        timeout_at(deadline, self.ask(goal, deadline)).await.unwrap_or(Err(AiError::Timeout))
    }
}

/// Why the provider cannot be set up. No variant holds the value: a URL or a key may be a secret.
#[derive(Debug, Error)]
pub enum OpenAiConfigError {
    /// Not a URL of http or https with a host.
    #[error("AI_BASE_URL must be a URL such as https://api.openai.com/v1")]
    BaseUrl,
    /// Credentials inside the URL would end up in logs.
    #[error("AI_BASE_URL must not hold a user name or password; put the key into AI_API_KEY")]
    BaseUrlCredentials,
    /// The path of the API is appended, so nothing may follow the base.
    #[error("AI_BASE_URL must not hold a query or fragment; remove everything from the ? or # on")]
    BaseUrlQuery,
    /// A key that cannot be sent.
    #[error("AI_API_KEY must be visible ASCII characters without blanks")]
    ApiKey,
    /// A model's name that cannot be meant.
    #[error("AI_MODEL must be the name of a model, such as gpt-4o-mini")]
    Model,
    /// The HTTP client does not start.
    #[error("the HTTP client for the AI service cannot be set up")]
    Client(#[source] reqwest::Error),
}

/// One failed request, and whether another may help.
struct Failure {
    error: AiError,
    passing: bool,
    retry_after: Option<Duration>,
}

impl Failure {
    fn last(error: AiError) -> Self {
        Self { error, passing: false, retry_after: None }
    }

    fn of_call(error: reqwest::Error) -> Self {
        let passing = error.is_connect();
        Self {
            error: if passing { AiError::Unreachable(error) } else { AiError::Interrupted(error) },
            passing,
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
        Self { error, passing: matches!(code, 429 | 500 | 502 | 503 | 504), retry_after }
    }

    fn retry_in(&self, pause: Duration) -> Option<Duration> {
        self.passing.then(|| self.retry_after.unwrap_or(pause))
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

/// The seconds form only. Vendors send it; the date form would need the wall clock and is treated as absent.
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
    // Only the reasons that mean failure are looked at: servers disagree on the name of a good end.
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

/// Lesser servers ignore the response format and wrap the JSON in a Markdown fence.
fn unfenced(content: &str) -> &str {
    let content = content.trim();
    let fenced = content.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    // Behind the opening fence stands the language's name, if any.
    fenced.map_or(content, |inside| inside.trim_start_matches(|c: char| c.is_ascii_alphabetic()))
}

fn json<T: DeserializeOwned>(text: &[u8]) -> Result<T, AiError> {
    serde_json::from_slice(text).map_err(|error| if error.is_data() { bad(error) } else { AiError::NotJson(error) })
}

fn bad(reason: impl ToString) -> AiError {
    AiError::BadAnswer(reason.to_string().chars().take(200).collect())
}

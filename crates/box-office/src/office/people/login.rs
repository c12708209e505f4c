//! Signing in, carrying a session on, signing out. Every failure reads the same and costs the same.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{RETRY_AFTER, SET_COOKIE, USER_AGENT};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_api::access::{ACCESS_TTL_S, Claims, cookie};
use http_api::{Code, Problem, Strict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::Office;
use super::super::answer::{client_ip, private};
use super::bodies::{TokensBody, role};
use super::{Client, problem};
use crate::clock::now_ms;
use crate::people::guesses::{self, Guessed};
use crate::people::profile::{Field, identifier};
use crate::people::sessions::{self, IDLE_TTL_S, NewSession, Refresh, Refreshed, Which};
use crate::people::store::{self, AccountRow};
use crate::people::totp;

/// Longest identifier and password looked at, in bytes.
const TYPED_BYTES_MAX: usize = 1_024;
/// Characters of a browser's name that are kept.
const AGENT_CHARS_MAX: usize = 200;

/// Who signs in.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct LoginForm {
    /// A login, an e-mail address or a phone number.
    identifier: String,
    password: String,
    /// Six digits of an authenticator, where the account has one.
    #[serde(default)]
    code: Option<String>,
}

/// A session to carry on or to end; browsers send the cookie instead.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::office) struct RefreshForm {
    #[serde(default)]
    refresh_token: Option<String>,
}

/// Where a session was opened, as it is sealed.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) ip: Option<String>,
    pub(super) agent: Option<String>,
}

/// Opens a session.
#[utoipa::path(post, path = "/api/v1/auth/login", tag = "people", request_body = LoginForm,
responses(
    (status = 200, description = "A session; also as cookies", body = TokensBody),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`: identifier or password is wrong; with the fact \
        second_factor true, the code of the authenticator is missing or wrong"),
    (status = 429, description = "`rate_limited`: too many guesses; Retry-After says how long"),
    (status = 503, description = "`database_unavailable`, `overloaded`"),
))]
pub(in crate::office) async fn login(
    State(office): State<Arc<Office>>,
    client: Client,
    Strict { body, .. }: Strict<LoginForm>,
) -> Result<Response, Problem> {
    if body.identifier.len() > TYPED_BYTES_MAX || body.password.len() > TYPED_BYTES_MAX {
        return Err(Problem::invalid_at("", "must be shorter"));
    }
    let (field, value) = identifier(&body.identifier);
    let guessed = office.guessed(&format!("{}:{value}", field.as_str()), client.network());
    // Counted before it is looked at, so that guesses which arrive together do not pass together.
    if let Some(rest_s) = guesses::begin(&office.database, &guessed).await.map_err(problem)? {
        count("locked");
        return Ok(resting(rest_s));
    }
    let hash = field.index(&office.contacts, &value);
    let has_code = body.code.is_some();
    let account = match office.checked((field, hash), body).await {
        Ok(Checked::Right(account)) => account,
        Ok(Checked::Wrong) => {
            count("wrong");
            return Err(wrong());
        }
        Ok(Checked::NoCode) => {
            if !has_code {
                guesses::undo(&office.database, &guessed).await.map_err(problem)?;
            }
            count("second_factor");
            return Err(code_needed());
        }
        // What could not be looked at was no guess.
        Err(unknown) => return Err(office.no_guess(&guessed, unknown).await),
    };
    if account.has_shown(field) {
        guesses::forgive(&office.database, &guessed).await.map_err(problem)?;
    } else {
        // Whoever claims another's address may not wipe the count of guesses at its owner.
        guesses::undo(&office.database, &guessed).await.map_err(problem)?;
    }
    count("done");
    let mut answer = office.open_session(&account, &client, None).await?;
    office.link_waiting(&account, &client, answer.headers_mut()).await;
    Ok(answer)
}

/// What was typed, compared with what is known.
enum Checked {
    Right(Box<AccountRow>),
    Wrong,
    /// The password is right; the code of the authenticator is missing or wrong.
    NoCode,
}

fn code_needed() -> Problem {
    let detail = "The code of the authenticator is needed";
    Problem::new(Code::Unauthenticated).detail(detail).fact("second_factor", true)
}

fn wrong() -> Problem {
    Problem::new(Code::Unauthenticated).detail("The identifier or the password is wrong")
}

fn resting(rest_s: u64) -> Response {
    let problem = Problem::new(Code::RateLimited).detail("Too many wrong passwords");
    let mut answer = problem.into_response();
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(rest_s));
    answer
}

fn count(outcome: &'static str) {
    metrics::counter!("seatgrid_people_logins_total", "outcome" => outcome).increment(1);
}

/// Carries a session on: new tokens for the refresh token, which works once. Sent again within ten
/// seconds, since an answer was lost, it gets the same next refresh token, unless that was used.
#[utoipa::path(post, path = "/api/v1/auth/refresh", tag = "people", request_body = RefreshForm,
responses(
    (status = 200, description = "New tokens; also as cookies", body = TokensBody),
    (status = 401, description = "`unauthenticated`: it has ended, or was used before, which \
        ends its session"),
    (status = 403, description = "`csrf`: the cookie came without X-CSRF-Token"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn refresh(
    State(office): State<Arc<Office>>,
    client: Client,
    Strict { body, .. }: Strict<RefreshForm>,
) -> Result<Response, Problem> {
    let token = office.refresh_token(body, &client).await?;
    let token = token.ok_or_else(|| Problem::new(Code::Unauthenticated))?;
    let next = Refresh::after(&token, &office.contacts);
    let done = sessions::refresh(&office.database, &token, &next).await.map_err(problem)?;
    match done {
        Refreshed::Live(account, session) => office.tokens_of(&account, session, &next),
        Refreshed::Stolen => {
            metrics::counter!("seatgrid_people_refresh_reuse_total").increment(1);
            tracing::warn!("a refresh token came twice; its session is ended");
            Err(Problem::new(Code::Unauthenticated))
        }
        Refreshed::Unknown => Err(Problem::new(Code::Unauthenticated)),
    }
}

/// Ends a session: the one of the refresh token, or else of the access token.
#[utoipa::path(post, path = "/api/v1/auth/logout", tag = "people", request_body = RefreshForm,
responses(
    (status = 204, description = "There is no such session any more"),
    (status = 403, description = "`csrf`: a cookie came without X-CSRF-Token"),
    (status = 503, description = "`database_unavailable`"),
))]
pub(in crate::office) async fn logout(
    State(office): State<Arc<Office>>,
    method: axum::http::Method,
    client: Client,
    body: Result<Strict<RefreshForm>, Problem>,
) -> Result<Response, Problem> {
    let form = match body {
        Ok(Strict { body, .. }) => body,
        // A call without any body is as good.
        Err(problem) if problem.code() == Code::UnsupportedMediaType => RefreshForm::default(),
        Err(problem) => return Err(problem),
    };
    let (account, session) = match form.refresh_token {
        // Ending what one shows the token of needs no other proof.
        Some(token) => office.session_of(&token).await?,
        None => match office.access.signed_in(&method, &client.headers)? {
            Some(claims) => Some((claims.account, claims.session)),
            None => match office.refresh_token(RefreshForm::default(), &client).await? {
                Some(token) => office.session_of(&token).await?,
                None => None,
            },
        },
    }
    .unzip();
    if let (Some(account), Some(session)) = (account, session) {
        let which = Which::One(session);
        sessions::revoke(&office.database, account, which).await.map_err(problem)?;
    }
    let mut answer = StatusCode::NO_CONTENT.into_response();
    for line in office.access.names().clear() {
        answer.headers_mut().append(SET_COOKIE, line);
    }
    Ok(answer)
}

impl Office {
    async fn checked(
        &self,
        (field, hash): (Field, Vec<u8>),
        form: LoginForm,
    ) -> Result<Checked, Problem> {
        let found = store::candidates(&self.database, field, hash).await.map_err(problem)?;
        let hashes = found.iter().map(|row| row.password_hash.clone().unwrap_or_default());
        // An address may be claimed by one and be another's: as much work as if it were.
        let looks = if field == Field::Login { 1 } else { store::CANDIDATES_MAX };
        let fits = self.people.passwords.find(form.password, hashes.collect(), looks).await?;
        let Some(account) = fits.and_then(|at| found.into_iter().nth(at)) else {
            return Ok(Checked::Wrong);
        };
        Ok(match self.second_factor(&account, form.code.as_deref()).await? {
            true => Checked::Right(Box::new(account)),
            false => Checked::NoCode,
        })
    }

    /// Takes a try back that could not be looked at; hands on why.
    pub(super) async fn no_guess(&self, guessed: &Guessed, unknown: Problem) -> Problem {
        // Where the count cannot be reached either, it stays: one try too many is counted.
        let _ = guesses::undo(&self.database, guessed).await;
        unknown
    }

    /// Whether the second factor is given, where there is one. A code works once.
    async fn second_factor(
        &self,
        account: &AccountRow,
        code: Option<&str>,
    ) -> Result<bool, Problem> {
        let sealed = match &account.totp {
            Some(sealed) if account.totp_on => sealed,
            _ => return Ok(true),
        };
        let (key, _) = account.open(&self.contacts).map_err(Problem::internal)?;
        let secret = key.open_about(&totp::about(account.id), sealed).map_err(Problem::internal)?;
        let step = code.and_then(|code| totp::step_of(&secret, code, now_ms() / 1_000));
        match step.filter(|step| *step > account.totp_step) {
            Some(step) => store::use_step(&self.database, account.id, step).await.map_err(problem),
            None => Ok(false),
        }
    }

    /// Digests of who is guessed at: from one network, and from everywhere.
    pub(super) fn guessed(&self, who: &str, network: u128) -> Guessed {
        let who = who.to_lowercase();
        Guessed {
            near: self.contacts.index("guess", &format!("{network:032x} {who}")),
            far: self.contacts.index("guess", &who),
        }
    }

    /// The refresh token of a request: from its body, else from the cookie, which needs our page.
    async fn refresh_token(
        &self,
        form: RefreshForm,
        client: &Client,
    ) -> Result<Option<String>, Problem> {
        if form.refresh_token.is_some() {
            return Ok(form.refresh_token);
        }
        let token = cookie(&client.headers, self.access.names().refresh());
        let Some(token) = token.map(str::to_owned) else { return Ok(None) };
        let session = sessions::of_token(&self.database, &token).await.map_err(problem)?;
        match session {
            Some(session) if !self.access.shows_csrf(session, &client.headers) => {
                Err(Problem::new(Code::Csrf))
            }
            _ => Ok(Some(token)),
        }
    }

    /// The account and the live session of a refresh token.
    async fn session_of(&self, token: &str) -> Result<Option<(Uuid, Uuid)>, Problem> {
        let session = sessions::of_token(&self.database, token).await.map_err(problem)?;
        let Some(session) = session else { return Ok(None) };
        let account = sessions::account(&self.database, session).await.map_err(problem)?;
        Ok(account.map(|account| (account.id, session)))
    }

    pub(super) async fn open_session(
        &self,
        account: &AccountRow,
        client: &Client,
        link: Option<Uuid>,
    ) -> Result<Response, Problem> {
        let (key, _) = account.open(&self.contacts).map_err(Problem::internal)?;
        let session = Uuid::now_v7();
        let place = serde_json::to_vec(&client.place()).map_err(Problem::internal)?;
        let about = key.seal_about(&about_session(session), &place).map_err(Problem::internal)?;
        let refresh = Refresh::new().map_err(Problem::internal)?;
        let new = NewSession { id: session, account: account.id, about, link };
        sessions::open(&self.database, new, &refresh).await.map_err(problem)?;
        self.tokens_of(account, session, &refresh)
    }

    fn tokens_of(
        &self,
        account: &AccountRow,
        session: Uuid,
        refresh: &Refresh,
    ) -> Result<Response, Problem> {
        let sealing = URL_SAFE_NO_PAD.encode(account.person_key.as_deref().unwrap_or_default());
        let claims = Claims::now(account.id, session, account.role(), sealing);
        let access = self.access.issue(&claims);
        let access = access.ok_or_else(|| Problem::internal("no key signs access tokens"))?;
        let csrf = self.access.csrf_token(session);
        let cookies =
            self.access.names().set((&access, ACCESS_TTL_S), (&refresh.token, IDLE_TTL_S), &csrf);
        let document = TokensBody {
            access_token: access,
            token_type: "Bearer",
            expires_in: ACCESS_TTL_S,
            refresh_token: refresh.token.clone(),
            csrf_token: csrf,
            account_id: account.id.to_string(),
            role: role(account.role()),
        };
        let mut answer = private(StatusCode::OK, None, document);
        for line in cookies {
            answer.headers_mut().append(SET_COOKIE, line);
        }
        Ok(answer)
    }
}

impl Client {
    fn place(&self) -> Place {
        let ip = client_ip(&self.headers)
            .map(|ip| std::net::IpAddr::V6(ip.into()).to_canonical().to_string());
        let agent = self.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        let agent = agent.map(|agent| agent.chars().take(AGENT_CHARS_MAX).collect());
        Place { ip, agent }
    }
}

/// What the place of a session is sealed to.
pub(super) fn about_session(session: Uuid) -> String {
    format!("seatgrid session {session}")
}

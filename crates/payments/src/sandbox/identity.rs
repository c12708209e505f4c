//! The sandbox's identity provider: OpenID Connect with the authorization code and PKCE, its own
//! keys, and a page on which anybody may say who they are.
//!
//! It stands where a provider of social sign-in stands in development and tests. Keys and codes live
//! in memory: a restarted provider has new keys, which its clients have to live with anyway.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Query, State},
    http::StatusCode,
    middleware::from_fn,
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use parking_lot::Mutex;
use reqwest::Url;
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{page, state::Sandbox, store::now_ms};

/// Codes that may wait for their exchange; more make the provider forget all of them.
const CODES_MAX: usize = 1_000;
/// How long a code waits, milliseconds.
const CODE_TTL_MS: i64 = 60_000;
/// How long a token says that it counts, seconds.
const TOKEN_TTL_S: i64 = 300;

/// Keys and codes.
#[derive(Debug)]
pub struct IdentityProvider {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    key: SigningKey,
    codes: HashMap<String, Granted>,
}

struct SigningKey {
    id: String,
    pair: EcdsaKeyPair,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.id)
    }
}

/// What a code stands for.
#[derive(Debug, Clone)]
struct Granted {
    asked: Asked,
    who: Who,
    until_ms: i64,
}

/// What a client asks for.
#[derive(Debug, Clone, Deserialize)]
struct Asked {
    response_type: String,
    client_id: String,
    redirect_uri: String,
    scope: String,
    state: String,
    nonce: String,
    code_challenge: String,
    code_challenge_method: String,
}

/// Who somebody says to be.
#[derive(Debug, Clone, Deserialize)]
struct Who {
    sub: String,
    email: String,
    /// Absent for an unticked box.
    #[serde(default)]
    email_verified: Option<String>,
}

/// What a client shows for its token.
#[derive(Deserialize)]
struct Exchange {
    grant_type: String,
    code: String,
    redirect_uri: String,
    client_id: String,
    client_secret: String,
    code_verifier: String,
}

impl IdentityProvider {
    /// With a new key.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn new() -> Result<Self, ring::error::Unspecified> {
        let inner = Inner { key: SigningKey::new()?, codes: HashMap::new() };
        Ok(Self { inner: Mutex::new(inner) })
    }

    fn keys(&self) -> Value {
        let inner = self.inner.lock();
        let point = inner.key.pair.public_key().as_ref();
        json!({ "keys": [{
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": inner.key.id,
            "x": BASE64.encode(&point[1..33]), "y": BASE64.encode(&point[33..]),
        }]})
    }

    fn grant(&self, asked: Asked, who: Who) -> String {
        let code = Uuid::new_v4().to_string();
        let mut inner = self.inner.lock();
        if inner.codes.len() >= CODES_MAX {
            inner.codes.clear();
        }
        let until_ms = now_ms() + CODE_TTL_MS;
        inner.codes.insert(code.clone(), Granted { asked, who, until_ms });
        code
    }

    /// A code works once, for whoever began with its challenge.
    fn redeem(&self, exchange: &Exchange) -> Option<Granted> {
        let granted = self.inner.lock().codes.remove(&exchange.code)?;
        let challenge = BASE64.encode(Sha256::digest(&exchange.code_verifier));
        let fits = granted.asked.redirect_uri == exchange.redirect_uri
            && granted.asked.client_id == exchange.client_id
            && granted.asked.code_challenge == challenge
            && granted.until_ms > now_ms();
        fits.then_some(granted)
    }

    fn sign(&self, claims: &Value) -> Option<String> {
        let inner = self.inner.lock();
        let head = json!({ "alg": "ES256", "typ": "JWT", "kid": inner.key.id });
        let part = |value: &Value| BASE64.encode(value.to_string());
        let signed = format!("{}.{}", part(&head), part(claims));
        let signature = inner.key.pair.sign(&SystemRandom::new(), signed.as_bytes()).ok()?;
        Some(format!("{signed}.{}", BASE64.encode(signature.as_ref())))
    }
}

impl SigningKey {
    fn new() -> Result<Self, ring::error::Unspecified> {
        let (random, kind) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
        let document = EcdsaKeyPair::generate_pkcs8(kind, &random)?;
        let pair = EcdsaKeyPair::from_pkcs8(kind, document.as_ref(), &random);
        let pair = pair.map_err(|_| ring::error::Unspecified)?;
        Ok(Self { id: Uuid::new_v4().to_string(), pair })
    }
}

/// The routes. `/oidc/rotate` is for scripts: the next token has a key that nobody knows yet.
pub fn routes() -> Router<Arc<Sandbox>> {
    Router::new()
        .route("/oidc/.well-known/openid-configuration", get(discovery))
        .route("/oidc/keys", get(keys))
        .route("/oidc/authorize", get(ask).post(decide))
        .route("/oidc/token", post(token))
        .route("/oidc/rotate", post(rotate))
        .layer(from_fn(page::harden))
}

fn issuer(sandbox: &Sandbox) -> String {
    format!("{}/oidc", sandbox.view.public_url)
}

async fn discovery(State(sandbox): State<Arc<Sandbox>>) -> Json<Value> {
    let issuer = issuer(&sandbox);
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "code_challenge_methods_supported": ["S256"],
    }))
}

async fn keys(State(sandbox): State<Arc<Sandbox>>) -> Json<Value> {
    Json(sandbox.identity.keys())
}

/// The page. Its form has no action and so goes to this very address, which says what is asked.
async fn ask(State(sandbox): State<Arc<Sandbox>>, Query(asked): Query<Asked>) -> Response {
    if !is_good(&sandbox, &asked) {
        return (StatusCode::BAD_REQUEST, "not a request of a known client").into_response();
    }
    let mut answer = Html(PAGE).into_response();
    // A form's redirect counts as its target too, so that the shop's origin must be allowed.
    if let Some(policy) = page::policy(Some(&asked.redirect_uri)) {
        answer.headers_mut().insert(http::header::CONTENT_SECURITY_POLICY, policy);
    }
    answer
}

async fn decide(
    State(sandbox): State<Arc<Sandbox>>,
    Query(asked): Query<Asked>,
    body: Bytes,
) -> Response {
    let Some(who) = form::<Who>(&body) else {
        return (StatusCode::BAD_REQUEST, "not the page's form").into_response();
    };
    let target = Url::parse(&asked.redirect_uri).ok().filter(|_| is_good(&sandbox, &asked));
    let Some(mut target) = target else {
        return (StatusCode::BAD_REQUEST, "not a request of a known client").into_response();
    };
    let state = asked.state.clone();
    let code = sandbox.identity.grant(asked, who);
    target.query_pairs_mut().append_pair("code", &code).append_pair("state", &state);
    Redirect::to(target.as_str()).into_response()
}

async fn token(State(sandbox): State<Arc<Sandbox>>, body: Bytes) -> Response {
    let Some(exchange) = form::<Exchange>(&body) else { return refused("invalid_request") };
    let known = exchange.client_id == sandbox.view.shop_id
        && exchange.client_secret == sandbox.secret.reveal();
    if !known || exchange.grant_type != "authorization_code" {
        return refused("invalid_client");
    }
    let Some(granted) = sandbox.identity.redeem(&exchange) else { return refused("invalid_grant") };
    let now_s = now_ms() / 1_000;
    let claims = json!({
        "iss": issuer(&sandbox), "sub": granted.who.sub, "aud": exchange.client_id,
        "exp": now_s + TOKEN_TTL_S, "iat": now_s, "nonce": granted.asked.nonce,
        "email": granted.who.email, "email_verified": granted.who.email_verified.is_some(),
    });
    match sandbox.identity.sign(&claims) {
        Some(token) => Json(json!({
            "access_token": Uuid::new_v4(), "token_type": "Bearer", "id_token": token,
        }))
        .into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn rotate(State(sandbox): State<Arc<Sandbox>>) -> StatusCode {
    match SigningKey::new() {
        Ok(key) => {
            sandbox.identity.inner.lock().key = key;
            StatusCode::NO_CONTENT
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A form's fields; a query has the same form.
fn form<T: serde::de::DeserializeOwned>(body: &[u8]) -> Option<T> {
    let uri = format!("/?{}", std::str::from_utf8(body).ok()?).parse().ok()?;
    Query::try_from_uri(&uri).ok().map(|Query(fields)| fields)
}

fn refused(code: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": code }))).into_response()
}

fn is_good(sandbox: &Sandbox, asked: &Asked) -> bool {
    let scoped = asked.scope.split(' ').any(|scope| scope == "openid");
    asked.client_id == sandbox.view.shop_id
        && asked.response_type == "code"
        && asked.code_challenge_method == "S256"
        && scoped
        && !asked.nonce.is_empty()
}

/// The page, the same for everybody.
const PAGE: &str = r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sandbox: who are you?</title>
<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/static/page.css">
</head><body><main><h1>Who are you?</h1>
<p>This is a stand-in for a provider of identities. Nothing here is checked.</p>
<form method="post">
<p><label>Name at the provider <input name="sub" required maxlength="200"></label></p>
<p><label>E-mail <input name="email" type="email" required maxlength="254"></label></p>
<p><label><input name="email_verified" type="checkbox" value="true" checked>
The provider has verified the address</label></p>
<p><button>Sign in</button></p>
</form></main></body></html>
"#;

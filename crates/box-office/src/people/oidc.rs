//! Sign-in by OpenID providers: what is asked of them, over the network, and what their answers
//! mean. Authorization code with PKCE; discovery and keys are kept for a while and fetched anew when
//! a token names a key that is not among them.
//!
//! It knows no accounts: whom an identity belongs to is [`super::social`]'s question. Codes, tokens
//! and secrets never show in an error or a log.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use form_urlencoded::Serializer;
use parking_lot::Mutex;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Url};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use self::token::{Expected, Identity, Keys, TokenError};
use crate::sealing::random_seed;

pub(crate) mod token;

/// One call to a provider takes at most this long.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// Largest answer that is read, bytes; key sets are the largest and have some 5,000.
const ANSWER_BYTES_MAX: usize = 256 * 1_024;
/// How long discovery and keys are believed.
const KEPT: Duration = Duration::from_secs(60 * 60);
/// Keys are not fetched anew more often than this because of unknown ones, so that tokens of
/// strangers do not become calls to the provider.
const REFETCH_PAUSE: Duration = Duration::from_secs(30);
/// What is asked to know: who it is, and the address.
const SCOPE: &str = "openid email";

/// A provider of identities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SocialConfig {
    /// What the button says, such as the provider's name; 1 to 40 characters.
    pub title: String,
    /// The issuer, as its tokens name it: an `https` address (`http` on this machine only).
    pub issuer: String,
    /// Our id there.
    pub client_id: String,
    /// File with our secret there.
    pub client_secret_file: PathBuf,
    /// The shop as browsers reach it, such as `https://tickets.example`; the provider must know
    /// `{shop_url}/api/v1/auth/social/{name}/callback` as ours.
    pub shop_url: String,
}

/// Why a sign-in led nowhere.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OidcError {
    /// It gave no answer, or one that is not understood.
    #[error("the identity provider gave no usable answer: {0}")]
    Provider(&'static str),
    /// It said no to the code.
    #[error("the identity provider refused the code")]
    Refused,
    /// Its token does not count.
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// Providers by name.
#[derive(Default)]
pub(crate) struct SocialProviders(BTreeMap<String, Provider>);

/// One provider.
pub(crate) struct Provider {
    config: SocialConfig,
    client_secret: String,
    client: Client,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    discovery: Option<(Instant, Discovery)>,
    keys: Option<(Instant, Keys)>,
    /// When keys were fetched because of one that was not among them.
    missed: Option<Instant>,
}

/// What a provider says about itself.
#[derive(Debug, Clone, Deserialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: String,
}

/// The secrets of one sign-in; they wait sealed in the browser's cookie.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Attempt {
    /// The provider's name.
    pub(crate) provider: String,
    /// What the provider sends back with the code.
    pub(crate) state: String,
    /// What its token must name.
    pub(crate) nonce: String,
    /// What shows that whoever brings the code began the sign-in.
    pub(crate) verifier: String,
    /// Where the person was going: a path of ours.
    pub(crate) next: String,
    /// Until when it counts, milliseconds since 1970.
    pub(crate) until_ms: u64,
}

impl Attempt {
    /// A new one; `None` when the system has no randomness to give.
    pub(crate) fn new(provider: &str, next: &str, until_ms: u64) -> Option<Self> {
        let random = || Some(BASE64.encode(random_seed().ok()?));
        Some(Self {
            provider: provider.to_owned(),
            state: random()?,
            nonce: random()?,
            verifier: random()?,
            next: next.to_owned(),
            until_ms,
        })
    }

    fn challenge(&self) -> String {
        BASE64.encode(digest(&SHA256, self.verifier.as_bytes()))
    }
}

impl SocialProviders {
    /// From their configuration.
    ///
    /// # Errors
    /// A sentence that names the provider and what is wrong.
    pub(crate) fn load(configs: &BTreeMap<String, SocialConfig>) -> Result<Self, String> {
        let load = |(name, config): (&String, &SocialConfig)| {
            let provider = Provider::load(config);
            let wrong = |detail| format!("social.{name}: {detail}");
            provider.map(|provider| (name.clone(), provider)).map_err(wrong)
        };
        configs.iter().map(load).collect::<Result<_, _>>().map(Self)
    }

    /// The provider of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&Provider> {
        self.0.get(name)
    }

    /// Names and titles, in the order of names.
    pub(crate) fn titles(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, provider)| (name.as_str(), provider.config.title.as_str()))
    }
}

impl Provider {
    fn load(config: &SocialConfig) -> Result<Self, String> {
        for (field, address) in [("issuer", &config.issuer), ("shop_url", &config.shop_url)] {
            safe_address(address).ok_or_else(|| format!("{field} must be an https address"))?;
        }
        let chars = config.title.chars().count();
        if !(1..=40).contains(&chars) || config.client_id.is_empty() {
            return Err("title must have 1 to 40 characters, client_id some".to_owned());
        }
        let file = &config.client_secret_file;
        let secret = std::fs::read_to_string(file)
            .map_err(|error| format!("client_secret_file {}: {error}", file.display()))?;
        let secret = secret.trim();
        if secret.is_empty() {
            return Err(format!("client_secret_file {} is empty", file.display()));
        }
        let client = client(&config.issuer).map_err(|error| error.to_string())?;
        let (config, client_secret) = (config.clone(), secret.to_owned());
        Ok(Self { config, client_secret, client, known: Mutex::default() })
    }

    /// Where the browser goes to sign in.
    pub(crate) async fn address(&self, attempt: &Attempt) -> Result<String, OidcError> {
        let endpoint = self.discovery().await?.authorization_endpoint;
        let mut url = Url::parse(&endpoint).map_err(|_| OidcError::Provider("discovery"))?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.config.client_id)
            .append_pair("redirect_uri", &self.callback(&attempt.provider))
            .append_pair("scope", SCOPE)
            .append_pair("state", &attempt.state)
            .append_pair("nonce", &attempt.nonce)
            .append_pair("code_challenge", &attempt.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(url.into())
    }

    /// Who brought the code back.
    pub(crate) async fn identity(
        &self,
        attempt: &Attempt,
        code: &str,
        now_s: u64,
    ) -> Result<Identity, OidcError> {
        let discovery = self.discovery().await?;
        let token = self.exchange(&discovery, attempt, code).await?;
        let keys = self.keys(&discovery, &token).await?;
        let expected = Expected {
            issuer: &self.config.issuer,
            client_id: &self.config.client_id,
            nonce: &attempt.nonce,
            now_s,
        };
        Ok(token::verify(&token, &keys, expected)?)
    }

    fn callback(&self, name: &str) -> String {
        let shop = self.config.shop_url.trim_end_matches('/');
        format!("{shop}/api/v1/auth/social/{name}/callback")
    }

    async fn exchange(
        &self,
        discovery: &Discovery,
        attempt: &Attempt,
        code: &str,
    ) -> Result<String, OidcError> {
        let callback = self.callback(&attempt.provider);
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &callback),
            ("client_id", &self.config.client_id),
            ("client_secret", &self.client_secret),
            ("code_verifier", &attempt.verifier),
        ];
        let body = Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self
            .client
            .post(&discovery.token_endpoint)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Accept", "application/json")
            .body(body);
        let answer = self.ask(request, "token endpoint").await?;
        let answer: Result<TokenAnswer, _> = serde_json::from_slice(&answer);
        answer.map(|answer| answer.id_token).map_err(|_| OidcError::Provider("token endpoint"))
    }

    async fn discovery(&self) -> Result<Discovery, OidcError> {
        let kept = self.known.lock().discovery.clone();
        if let Some((_, known)) = kept.filter(|(at, _)| at.elapsed() < KEPT) {
            return Ok(known);
        }
        let issuer = self.config.issuer.trim_end_matches('/');
        let request = self.client.get(format!("{issuer}/.well-known/openid-configuration"));
        let answer = self.ask(request, "discovery").await?;
        let found: Discovery =
            serde_json::from_slice(&answer).map_err(|_| OidcError::Provider("discovery"))?;
        let addresses = [&found.authorization_endpoint, &found.token_endpoint, &found.jwks_uri];
        let safe = addresses.into_iter().all(|url| safe_address(url).is_some());
        if found.issuer != self.config.issuer || !safe {
            return Err(OidcError::Provider("discovery is of another issuer"));
        }
        self.known.lock().discovery = Some((Instant::now(), found.clone()));
        Ok(found)
    }

    /// The keys, with the token's among them if the provider has it.
    async fn keys(&self, discovery: &Discovery, token: &str) -> Result<Keys, OidcError> {
        let (kept, missed) = {
            let known = self.known.lock();
            (known.keys.clone(), known.missed)
        };
        if let Some((at, keys)) = kept.filter(|(at, _)| at.elapsed() < KEPT) {
            let rests = missed.is_some_and(|missed| missed.elapsed() < REFETCH_PAUSE);
            if keys.has_key_of(token) || rests {
                return Ok(keys);
            }
            tracing::debug!(age_s = at.elapsed().as_secs(), "a key is not among those we know");
            self.known.lock().missed = Some(Instant::now());
        }
        let answer = self.ask(self.client.get(&discovery.jwks_uri), "keys").await?;
        let keys = Keys::parse(&answer).ok_or(OidcError::Provider("keys"))?;
        self.known.lock().keys = Some((Instant::now(), keys.clone()));
        Ok(keys)
    }

    async fn ask(&self, request: RequestBuilder, what: &'static str) -> Result<Vec<u8>, OidcError> {
        let silent = |_| OidcError::Provider(what);
        let mut answer = request.send().await.map_err(silent)?;
        match answer.status().as_u16() {
            200 => {}
            400..=499 => return Err(OidcError::Refused),
            _ => return Err(OidcError::Provider(what)),
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(silent)? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(OidcError::Provider(what));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// A client that follows nothing and ends in time.
fn client(issuer: &str) -> Result<Client, reqwest::Error> {
    let builder = Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .timeout(CALL_TIMEOUT)
        .connect_timeout(CALL_TIMEOUT)
        .user_agent("seatgrid");
    // Plain HTTP must work on a machine where no system certificates are installed.
    let builder = if issuer.starts_with("http:") { builder.tls_certs_only([]) } else { builder };
    builder.build()
}

/// An address to which secrets may be sent: by TLS, or on this machine.
fn safe_address(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']);
    let ip = host.parse::<std::net::IpAddr>();
    let is_local = host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback());
    let plain = url.username().is_empty() && url.password().is_none();
    let safe = url.scheme() == "https" || url.scheme() == "http" && is_local;
    (safe && plain).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        // RFC 7636, appendix B.
        let mut attempt = Attempt::new("id", "/", 0).expect("randomness");
        attempt.verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned();
        assert_eq!(attempt.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        let other = Attempt::new("id", "/", 0).expect("randomness");
        assert!(other.state != attempt.state && other.nonce != attempt.nonce);
    }

    #[test]
    fn secrets_go_to_safe_addresses_only() {
        for good in ["https://id.example", "http://127.0.0.1:80/a", "http://localhost:1"] {
            assert!(safe_address(good).is_some(), "{good}");
        }
        for bad in ["", "id.example", "http://id.example", "https://a:b@id.example", "file:///x"] {
            assert!(safe_address(bad).is_none(), "{bad}");
        }
    }
}

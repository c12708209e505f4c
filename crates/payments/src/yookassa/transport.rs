//! YooKassa's way of asking: Basic authentication by shop and secret, JSON bodies, a key with each
//! change.

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use super::{YooKassaConfig, wire};
use crate::{
    adapter::{AdapterConfigError, Answer, Endpoint, Operation, Reach, field},
    provider::ProviderError,
    secret::Secret,
};

/// A client bound to one shop at one gateway.
#[derive(Debug)]
pub(super) struct Transport {
    endpoint: Endpoint,
    shop_id: String,
    secret: Secret,
}

impl Transport {
    pub(super) fn new(config: YooKassaConfig) -> Result<Self, AdapterConfigError> {
        let wrong = |name, detail| Err(field(&config.name, name, detail));
        if config.shop_id.is_empty() || config.shop_id.contains(':') {
            return wrong("shop_id", "must not be empty and must not contain a colon");
        }
        if config.secret.is_empty() {
            return wrong("secret", "must not be empty");
        }
        let reach = Reach {
            name: &config.name,
            base_url: &config.base_url,
            call_timeout_ms: config.call_timeout_ms,
            connect_timeout_ms: config.connect_timeout_ms,
            answer_bytes_max: config.answer_bytes_max,
        };
        let endpoint = Endpoint::new(reach, wire::refusal)?;
        Ok(Self { endpoint, shop_id: config.shop_id, secret: config.secret })
    }

    pub(super) async fn get(&self, operation: Operation, path: &str) -> Answer {
        let request = self.request(Method::GET, path)?;
        self.endpoint.call(operation, request).await
    }

    pub(super) async fn post(
        &self,
        operation: Operation,
        path: &str,
        key: &str,
        body: &Value,
    ) -> Answer {
        let request = self.request(Method::POST, path)?.json(body);
        self.endpoint.call(operation, request.header("Idempotence-Key", key)).await
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, ProviderError> {
        let request = self.endpoint.request(method, path)?;
        Ok(request.basic_auth(&self.shop_id, Some(self.secret.reveal())))
    }
}

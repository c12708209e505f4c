//! Ids in addresses, query parameters, and answers for addresses and methods that do not exist.

use axum::extract::{FromRequestParts, Path, Query};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::{Code, Problem};

/// The one id in a route's address, percent-decoded. An extractor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Id(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(id)) => Ok(Self(id)),
            // Bytes that are no text name nothing.
            Err(_) => Err(Problem::new(Code::NotFound)),
        }
    }
}

/// Query parameters; unknown ones are refused by `T` (`deny_unknown_fields`). An extractor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejection) => Err(Problem::invalid_at("", rejection.body_text())),
        }
    }
}

/// For addresses that lead nowhere.
pub async fn not_found() -> Problem {
    Problem::new(Code::NotFound)
}

/// For methods that an address does not have.
pub async fn method_not_allowed() -> Problem {
    Problem::new(Code::MethodNotAllowed)
}

//! How a call to a gateway can fail, sorted by the one question that matters: did anything happen?
//!
//! Adapters must choose [`ProviderError::Unknown`] whenever they cannot prove the opposite.

/// A failed call to a gateway.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The gateway, or the adapter before it, said no. Nothing happened and a repeat of the same
    /// request gets the same answer.
    #[error("refused by the gateway: {code}: {detail}")]
    Refused {
        /// The gateway's word, such as `invalid_request`, `not_found`, `forbidden`.
        code: String,
        /// The gateway's sentence, for people; never shown to shoppers.
        detail: String,
    },
    /// The request never reached the gateway's logic: no connection, or turned away for load.
    /// Nothing happened; later may be better.
    #[error("gateway not available: {detail}")]
    Unavailable {
        /// What failed.
        detail: String,
    },
    /// It may have happened or not: time-out, 5xx, broken or foreign answer. Repeat with the
    /// same key, or read the object.
    #[error("outcome at the gateway unknown: {detail}")]
    Unknown {
        /// What failed.
        detail: String,
    },
}

impl ProviderError {
    /// Whether it is certain that the call changed nothing.
    pub fn nothing_happened(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::Unavailable { .. } => true,
            Self::Unknown { .. } => false,
        }
    }

    /// Whether a repeat with the same key can end differently.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Refused { .. } => false,
            Self::Unavailable { .. } | Self::Unknown { .. } => true,
        }
    }

    /// Whether the gateway says that there is no such object.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if code == "not_found")
    }

    pub(crate) fn refused(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Refused { code: code.into(), detail: detail.into() }
    }

    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        Self::Unavailable { detail: detail.into() }
    }

    pub(crate) fn unknown(detail: impl Into<String>) -> Self {
        Self::Unknown { detail: detail.into() }
    }

    /// The word in metrics.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::Unavailable { .. } => "unavailable",
            Self::Unknown { .. } => "unknown",
        }
    }
}

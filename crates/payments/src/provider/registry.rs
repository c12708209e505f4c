//! The payment systems of this installation by name.
//!
//! Filled once at start from configuration and then only read.

use std::{collections::BTreeMap, fmt, sync::Arc};

use super::PaymentProvider;

/// Providers by name, in the order of names. Cheap to clone.
#[derive(Clone, Default)]
pub struct Providers {
    by_name: BTreeMap<String, Arc<dyn PaymentProvider>>,
}

impl Providers {
    /// No providers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one under its own name.
    ///
    /// # Errors
    /// [`RegistryError::Duplicate`] if the name is taken; the registry is unchanged.
    pub fn register(&mut self, provider: Arc<dyn PaymentProvider>) -> Result<(), RegistryError> {
        let name = provider.name().to_owned();
        if self.by_name.contains_key(&name) {
            return Err(RegistryError::Duplicate { name });
        }
        self.by_name.insert(name, provider);
        Ok(())
    }

    /// The provider of that name.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn PaymentProvider>> {
        self.by_name.get(name)
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }
}

impl fmt::Debug for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.by_name.keys()).finish()
    }
}

/// Why a provider could not be added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Two providers with one name.
    #[error("payment provider {name} is configured twice")]
    Duplicate {
        /// The name.
        name: String,
    },
}

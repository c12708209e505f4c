//! A ticket as a pass for a phone's wallet (Apple's `.pkpass`): a signed archive of what the pass says and
//! how it looks. Several tickets are a bundle of passes (`.pkpasses`).
//!
//! Light: an RSA signature a pass. There only where the shop has a certificate for passes. A pass says when
//! it was signed, so that two of one ticket differ in that alone. No pass is ever changed from afar: the code
//! in it is what the door asks about.

use std::path::PathBuf;

use http_api::to_hex;
use jiff::Timestamp;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{FormatError, SheetTicket, TicketFormat, TicketSheet};
use archive::Archive;
use signature::PassSigner;

pub use signature::PassKeyError;

mod archive;
mod der;
mod picture;
mod signature;

/// How the shop's passes are signed and named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WalletConfig {
    /// The certificate for passes, PEM; without it there are no passes.
    pub certificate_file: Option<PathBuf>,
    /// Its RSA key, PKCS#8 in PEM.
    pub key_file: PathBuf,
    /// The certificate of the authority that issued it, PEM.
    pub authority_file: PathBuf,
    /// The pass type of the certificate, `pass.org.example.tickets`.
    pub pass_type_id: String,
    /// The team of the certificate.
    pub team_id: String,
    /// Who issues the passes, as phones show it.
    pub organisation: String,
}

impl WalletConfig {
    /// The first thing that cannot work.
    pub(crate) fn fault(&self) -> Option<(&'static str, &'static str)> {
        self.certificate_file.as_ref()?;
        let is_empty = |path: &PathBuf| path.as_os_str().is_empty();
        [
            ("wallet.key_file", is_empty(&self.key_file)),
            ("wallet.authority_file", is_empty(&self.authority_file)),
            ("wallet.pass_type_id", self.pass_type_id.is_empty()),
            ("wallet.team_id", self.team_id.is_empty()),
            ("wallet.organisation", self.organisation.is_empty()),
        ]
        .into_iter()
        .find_map(|(field, is_missing)| is_missing.then_some((field, "is missing")))
    }
}

/// What every pass of the shop has in common.
pub(super) struct Passes {
    signer: PassSigner,
    config: WalletConfig,
}

impl Passes {
    /// By the settings; `None` without a certificate.
    pub(super) fn load(config: &WalletConfig) -> Result<Option<Self>, PassKeyError> {
        let Some(certificate) = &config.certificate_file else { return Ok(None) };
        let signer = PassSigner::load(certificate, &config.key_file, &config.authority_file)?;
        Ok(Some(Self { signer, config: config.clone() }))
    }

    /// One ticket's pass, as of a moment.
    fn pass(
        &self,
        sheet: &TicketSheet,
        ticket: &SheetTicket,
        now: Timestamp,
    ) -> Result<Vec<u8>, FormatError> {
        let mut archive = Archive::default();
        let mut manifest = Map::new();
        for (name, bytes) in [
            ("pass.json", self.text(sheet, ticket).to_string().into_bytes()),
            ("icon.png", picture::icon(1)),
            ("icon@2x.png", picture::icon(2)),
        ] {
            let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, &bytes);
            manifest.insert(name.to_owned(), Value::String(to_hex(digest.as_ref())));
            archive.add(name, &bytes);
        }
        let manifest = Value::Object(manifest).to_string().into_bytes();
        let signature = self.signer.sign(&manifest, now);
        let signature = signature.map_err(|_| FormatError("no signature".to_owned()))?;
        archive.add("manifest.json", &manifest);
        archive.add("signature", &signature);
        Ok(archive.finish())
    }

    /// What a pass says.
    fn text(&self, sheet: &TicketSheet, ticket: &SheetTicket) -> Value {
        let field = |key: &str, label: &str, value: &str| json!({"key": key, "label": label, "value": value});
        let mut places = vec![field("section", "Сектор / Section", &ticket.section)];
        if !ticket.area {
            places.push(field("row", "Ряд / Row", &ticket.row));
            places.push(field("seat", "Место / Seat", &ticket.number));
        }
        json!({
            "formatVersion": 1,
            "passTypeIdentifier": self.config.pass_type_id,
            "teamIdentifier": self.config.team_id,
            "organizationName": self.config.organisation,
            "serialNumber": ticket.id,
            "description": sheet.event,
            "relevantDate": sheet.starts_at_utc,
            "groupingIdentifier": sheet.order_id,
            "foregroundColor": "rgb(255, 255, 255)",
            "labelColor": "rgb(214, 220, 245)",
            "backgroundColor": "rgb(38, 50, 110)",
            "barcodes": [{"format": "PKBarcodeFormatQR", "message": ticket.code,
                "messageEncoding": "iso-8859-1"}],
            "eventTicket": {
                "primaryFields": [field("event", "Билет / Ticket", &sheet.event)],
                "secondaryFields": [field("starts", "Начало / Starts", &sheet.starts_at),
                    field("venue", "Место проведения / Venue", &sheet.venue)],
                "auxiliaryFields": places,
                "backFields": [field("address", "Адрес / Address", &sheet.address),
                    field("price", "Цена / Price", &ticket.price),
                    field("order", "Заказ / Order", &sheet.order_id)],
            },
        })
    }
}

/// One ticket's pass.
pub(super) struct Pass(pub(super) std::sync::Arc<Passes>);

/// The passes of one ticket or more.
pub(super) struct Bundle(pub(super) std::sync::Arc<Passes>);

impl TicketFormat for Pass {
    fn extension(&self) -> &'static str {
        "pkpass"
    }

    fn media_type(&self) -> &'static str {
        "application/vnd.apple.pkpass"
    }

    fn is_heavy(&self) -> bool {
        false
    }

    fn fits(&self, sheet: &TicketSheet) -> bool {
        sheet.tickets.len() == 1
    }

    fn make(&self, sheet: &TicketSheet) -> Result<Vec<u8>, FormatError> {
        let [ticket] = sheet.tickets.as_slice() else {
            return Err(FormatError("a pass is for one ticket".to_owned()));
        };
        self.0.pass(sheet, ticket, Timestamp::now())
    }
}

impl TicketFormat for Bundle {
    fn extension(&self) -> &'static str {
        "pkpasses"
    }

    fn media_type(&self) -> &'static str {
        "application/vnd.apple.pkpasses"
    }

    fn is_heavy(&self) -> bool {
        false
    }

    fn make(&self, sheet: &TicketSheet) -> Result<Vec<u8>, FormatError> {
        let (mut bundle, now) = (Archive::default(), Timestamp::now());
        for (at, ticket) in sheet.tickets.iter().enumerate() {
            bundle.add(&format!("{}.pkpass", at + 1), &self.0.pass(sheet, ticket, now)?);
        }
        Ok(bundle.finish())
    }
}

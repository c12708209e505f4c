//! `seatgrid tls`: makes the private authority of a grid and the certificates of its nodes and
//! clients, as PEM files. Never overwrites anything, and writes keys for their owner alone.

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Subcommand};
use grid_node::tls::{client_name, node_names};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// The authority's certificate, its key, and the grid that it is for.
const CA_CERT: &str = "ca.pem";
const CA_KEY: &str = "ca.key";
const CLUSTER_ID: &str = "cluster-id";
/// A clock that is behind by less than an hour takes a new certificate.
const CLOCK_SLACK: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// A key file is a few hundred bytes.
const KEY_BYTES_MAX: u64 = 64 << 10;

/// Certificates of the grid.
#[derive(Debug, Subcommand)]
pub enum TlsCommand {
    /// Makes the authority of one grid, and an identity for the grid if none is given.
    NewCa(NewCaArgs),
    /// Makes a certificate for a node or a client.
    Issue(IssueArgs),
}

/// Flags of `tls new-ca`.
#[derive(Debug, Args)]
pub struct NewCaArgs {
    /// Where the authority is kept; its key belongs on no server.
    #[arg(long, default_value = "tls", value_name = "DIR")]
    pub dir: PathBuf,
    /// The grid's `cluster_id`, 32 hexadecimal digits; made up when left out.
    #[arg(long, value_name = "HEX", value_parser = cluster_id)]
    pub cluster_id: Option<u128>,
    /// How long the authority is good for.
    #[arg(long, default_value_t = 3650, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub days: u32,
}

/// Flags of `tls issue`.
#[derive(Debug, Args)]
pub struct IssueArgs {
    /// Where the authority is kept.
    #[arg(long, default_value = "tls", value_name = "DIR")]
    pub dir: PathBuf,
    /// For the node with this id.
    #[arg(
        long, value_name = "ID", value_parser = clap::value_parser!(u64).range(1..),
        required_unless_present = "client", conflicts_with = "client"
    )]
    pub node: Option<u64>,
    /// For a client (router, office, worker, writer, an operator); the name is for people.
    #[arg(long, value_name = "NAME", value_parser = plain_name)]
    pub client: Option<String>,
    /// Where certificate and key are written; without it beside the authority.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// How long the certificate is good for.
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub days: u32,
}

fn cluster_id(text: &str) -> Result<u128, String> {
    let digits = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let parsed = digits.then(|| u128::from_str_radix(text, 16).ok()).flatten();
    parsed.ok_or_else(|| "must be 32 hexadecimal digits".to_owned())
}

fn plain_name(text: &str) -> Result<String, String> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let fits = (1..=40).contains(&text.len()) && text.bytes().all(plain);
    if fits { Ok(text.to_owned()) } else { Err("must be 1 to 40 of a-z 0-9 -".to_owned()) }
}

/// Runs `seatgrid tls`.
///
/// # Errors
/// One line: what cannot be read or written.
pub fn run(command: &TlsCommand) -> Result<()> {
    match command {
        TlsCommand::NewCa(args) => new_ca(args),
        TlsCommand::Issue(args) => issue(args),
    }
}

/// An authority and the certificates of a trial: `node-1` to `node-<nodes>` and `client-trial`.
///
/// # Errors
/// As [`run`].
pub fn for_trial(dir: &Path, cluster_id: u128, nodes: u64) -> Result<()> {
    let dir = || dir.to_owned();
    make_ca(&NewCaArgs { dir: dir(), cluster_id: Some(cluster_id), days: 1 })?;
    let issue = |node, client| make(&IssueArgs { dir: dir(), node, client, out: None, days: 1 });
    for node in 1..=nodes {
        issue(Some(node), None)?;
    }
    issue(None, Some("trial".into())).map(drop)
}

fn new_ca(args: &NewCaArgs) -> Result<()> {
    let cluster_id = make_ca(args)?;
    say(&format!(
        "authority of the grid {cluster_id:032x} in {}: give `{CA_CERT}` to every process as \
         tls.ca, keep `{CA_KEY}` off the servers",
        args.dir.display()
    ))
}

fn make_ca(args: &NewCaArgs) -> Result<u128> {
    let cluster_id = args.cluster_id.unwrap_or_else(rand::random);
    let shown = args.dir.display();
    std::fs::create_dir_all(&args.dir).with_context(|| format!("cannot make {shown}"))?;
    let key = KeyPair::generate().context("no key")?;
    let certificate = authority(cluster_id, args.days)?.self_signed(&key).context("not signed")?;
    write_new(&args.dir.join(CA_KEY), &key.serialize_pem(), 0o600)?;
    write_new(&args.dir.join(CA_CERT), &certificate.pem(), 0o644)?;
    write_new(&args.dir.join(CLUSTER_ID), &format!("{cluster_id:032x}\n"), 0o644)?;
    Ok(cluster_id)
}

fn issue(args: &IssueArgs) -> Result<()> {
    let cert = make(args)?;
    say(&format!("{} and its key, good for {} days", cert.display(), args.days))
}

/// Makes certificate and key; where the certificate is.
fn make(args: &IssueArgs) -> Result<PathBuf> {
    let text = read_small(&args.dir.join(CLUSTER_ID))?;
    let cluster_id = cluster_id(text.trim()).map_err(anyhow::Error::msg).context(CLUSTER_ID)?;
    let ca_key = KeyPair::from_pem(&read_small(&args.dir.join(CA_KEY))?).context(CA_KEY)?;
    // What signing takes from the authority is its name and its key; how long it is good for is
    // read from its certificate by those who check.
    let issuer = Issuer::new(authority(cluster_id, 1)?, ca_key);
    let (label, params) = match (args.node, &args.client) {
        (Some(node), _) => (format!("node-{node}"), node_params(cluster_id, node)?),
        (None, Some(name)) => (format!("client-{name}"), client_params(cluster_id, name)?),
        (None, None) => bail!("give --node or --client"),
    };
    let key = KeyPair::generate().context("no key")?;
    let params = good_for(params, args.days);
    let certificate = params.signed_by(&key, &issuer).context("not signed")?;
    let out = args.out.as_ref().unwrap_or(&args.dir);
    std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let cert = out.join(format!("{label}.pem"));
    write_new(&out.join(format!("{label}.key")), &key.serialize_pem(), 0o600)?;
    write_new(&cert, &certificate.pem(), 0o644)?;
    Ok(cert)
}

fn authority(cluster_id: u128, days: u32) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::new()).context("no authority")?;
    params.distinguished_name.push(DnType::CommonName, format!("seatgrid {cluster_id:032x}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(good_for(params, days))
}

/// A node serves, and calls the other nodes.
fn node_params(cluster_id: u128, node: u64) -> Result<CertificateParams> {
    let names = node_names(cluster_id, node).to_vec();
    let mut params = CertificateParams::new(names).context("no certificate")?;
    params.distinguished_name.push(DnType::CommonName, format!("node {node}"));
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

/// A client only calls.
fn client_params(cluster_id: u128, name: &str) -> Result<CertificateParams> {
    let names = vec![client_name(cluster_id)];
    let mut params = CertificateParams::new(names).context("no certificate")?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

fn good_for(mut params: CertificateParams, days: u32) -> CertificateParams {
    let now = SystemTime::now();
    params.not_before = (now - CLOCK_SLACK).into();
    params.not_after = (now + DAY * days).into();
    params.use_authority_key_identifier_extension = true;
    params
}

/// Writes a file that must not be there yet.
fn write_new(path: &Path, text: &str, mode: u32) -> Result<()> {
    let shown = path.display();
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .with_context(|| format!("cannot make {shown}"))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .with_context(|| format!("cannot write {shown}"))
}

fn read_small(path: &Path) -> Result<String> {
    let shown = path.display();
    let hint = || format!("cannot read {shown}: make an authority with `seatgrid tls new-ca`");
    let file = std::fs::File::open(path).with_context(hint)?;
    let mut text = String::new();
    file.take(KEY_BYTES_MAX).read_to_string(&mut text).with_context(hint)?;
    ensure!(!text.is_empty(), "{shown} is empty");
    Ok(text)
}

fn say(text: &str) -> Result<()> {
    writeln!(std::io::stdout().lock(), "{text}").context("cannot print")
}

#[cfg(test)]
mod tests;

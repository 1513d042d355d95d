//! A server and a client of TLS that trust a certificate made for the test.
#![allow(dead_code, reason = "each test file uses some of it")]

use std::sync::Arc;

use futures_rustls::rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use futures_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use futures_rustls::{TlsAcceptor, TlsConnector};

pub(crate) const HOST: &str = "localhost";

pub(crate) fn name() -> ServerName<'static> {
    ServerName::try_from(HOST).unwrap()
}

/// Configures both sides to agree on the protocol, if it is one.
pub(crate) fn configs(protocol: Option<&str>) -> (ServerConfig, ClientConfig) {
    let certified = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
    let certificate = certified.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
    let mut server = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.into())
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let mut client = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let protocols: Vec<_> = protocol
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    server.alpn_protocols.clone_from(&protocols);
    client.alpn_protocols = protocols;
    (server, client)
}

pub(crate) fn ends(protocol: Option<&str>) -> (TlsAcceptor, TlsConnector) {
    let (server, client) = configs(protocol);
    (Arc::new(server).into(), Arc::new(client).into())
}

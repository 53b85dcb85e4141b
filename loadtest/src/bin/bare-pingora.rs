//! `bare-pingora`: the floor of the side-by-side bench. Pingora's own server and the least proxy that its guide describes:
//! one fixed upstream, no routing, no log, no header of its own. What Ingora costs above this is Ingora's.

use anyhow::Context as _;
use async_trait::async_trait;
use clap::Parser;
use pingora::listeners::tls::TlsSettings;
use pingora::prelude::{HttpPeer, Server};
use pingora::server::configuration::ServerConf;
use pingora_proxy::{ProxyHttp, Session, http_proxy_service};
use std::net::SocketAddr;
use std::path::PathBuf;

/// A proxy made of nothing but Pingora, to compare others with.
#[derive(Parser)]
struct Arguments {
    /// Where to listen for HTTP.
    #[arg(long, value_name = "ADDRESS")]
    http: SocketAddr,

    /// Where to listen for HTTPS (HTTP/2 and HTTP/1.1).
    #[arg(long, value_name = "ADDRESS")]
    https: SocketAddr,

    /// The one upstream of all requests.
    #[arg(long, value_name = "ADDRESS")]
    upstream: SocketAddr,

    /// The certificate, PEM.
    #[arg(long)]
    certificate: PathBuf,

    /// Its key, PEM.
    #[arg(long)]
    key: PathBuf,
}

struct OneUpstream(SocketAddr);

#[async_trait]
impl ProxyHttp for OneUpstream {
    type CTX = ();

    fn new_ctx(&self) -> Self::CTX {}

    async fn upstream_peer(&self, _session: &mut Session, _ctx: &mut ()) -> pingora::Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(self.0, false, String::new())))
    }
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let settings = ServerConf { threads: 1, grace_period_seconds: Some(0), ..ServerConf::default() };
    let mut server = Server::new_with_opt_and_conf(None, settings);
    server.bootstrap();
    let mut service = http_proxy_service(&server.configuration, OneUpstream(arguments.upstream));
    service.add_tcp(&arguments.http.to_string());
    let certificate = arguments.certificate.to_str().context("--certificate is not a name in UTF-8")?;
    let key = arguments.key.to_str().context("--key is not a name in UTF-8")?;
    let mut tls =
        TlsSettings::intermediate(certificate, key).context("the certificate and its key do not load")?;
    tls.enable_h2();
    service.add_tls_with_settings(&arguments.https.to_string(), None, tls);
    server.add_service(service);
    server.run_forever()
}

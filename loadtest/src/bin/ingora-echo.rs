//! `ingora-echo`: a backend that answers with what it received. See [`ingora_loadtest::echo`].

use anyhow::Context as _;
use clap::Parser;
use ingora_loadtest::echo;
use std::io::Write as _;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// A small HTTP backend for examples and tests: answers what it received and its own name.
///
/// HTTP/1.1 and HTTP/2 (prior knowledge) on one port; WebSocket on any path, echoing every message.
#[derive(Parser)]
#[command(version, after_help = AFTER_HELP)]
struct Arguments {
    /// Address to listen on, for example 127.0.0.1:9001 (IPv6 in brackets); may be given several times. Port 0 takes a
    /// free one and prints it.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9001", env = "INGORA_ECHO_LISTEN")]
    listen: Vec<SocketAddr>,

    /// The name this backend answers with.
    #[arg(long, default_value = "echo", env = "INGORA_ECHO_NAME")]
    name: String,
}

const AFTER_HELP: &str = "\
What the answer is, by query parameter (all optional, any combination that makes sense):
  status=503            the status, 200 to 599
  size=100000           a body of so many bytes (x) instead of the JSON; with chunks, the size of a piece
  chunks=5              a body in so many pieces, without Content-Length
  chunk_delay_ms=50     a pause before each piece but the first
  delay_ms=200          a pause before the head
  header=Name:value     one more response header; repeatable
  trailer=name:value    one trailer; repeatable
  mirror=1              the request's body, streamed back as it arrives
  close=1               close the connection after the answer (HTTP/1.1)
  reset=1               close the connection without an answer
The path /slow-read reads the request's body slowly (64 KiB every 20 ms) before it answers.
The paths /oauth2/auth, /start, /callback and /sign_in play a login service that believes everybody.

Try:  ingora-echo --name hello &  curl -s 'http://127.0.0.1:9001/a/b?status=201'";

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime does not start")?
        .block_on(run(arguments))
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let mut servers = Vec::new();
    for address in &arguments.listen {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address}; is another process using the port?"))?;
        let bound = listener.local_addr().context("the listener has no address")?;
        writeln!(std::io::stdout(), "ingora-echo {} listens on {bound}", arguments.name)?;
        servers.push(tokio::spawn(echo::serve(listener, arguments.name.clone())));
    }
    for server in servers {
        server.await.context("a listener ended")?;
    }
    Ok(())
}

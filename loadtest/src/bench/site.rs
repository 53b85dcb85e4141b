//! What is served and asked for: N hosts with one route each, all to one backend, and answers of two sizes.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// All hosts are names in this domain; it is reserved for examples (RFC 2606).
pub const DOMAIN: &str = "bench.example";

/// The host of the route with that number.
pub fn host(number: usize) -> String {
    format!("host-{number}.{DOMAIN}")
}

/// How large an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// 1,000 bytes.
    Small,
    /// 100,000 bytes.
    Large,
}

impl Size {
    /// The length of the body, in bytes.
    pub fn bytes(self) -> usize {
        match self {
            Self::Small => 1_000,
            Self::Large => 100_000,
        }
    }

    /// As tables say it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Small => "1 kB",
            Self::Large => "100 kB",
        }
    }
}

/// Where a contender listens, on 127.0.0.1.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// HTTP/1.1.
    pub http: u16,
    /// HTTPS with http/1.1 and h2.
    pub https: u16,
    /// Metrics, where the contender has them.
    pub admin: u16,
    /// A second port of that kind: the health port of `ingora sync`.
    pub second_admin: u16,
}

impl Ports {
    /// Ports that were free a moment ago.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn free() -> std::io::Result<Self> {
        let listeners: Vec<TcpListener> =
            (0..4).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect::<Result<_, _>>()?;
        let mut ports = [0; 4];
        for (port, listener) in ports.iter_mut().zip(&listeners) {
            *port = listener.local_addr()?.port();
        }
        let [http, https, admin, second_admin] = ports;
        Ok(Self { http, https, admin, second_admin })
    }

    /// The address of plain HTTP.
    pub fn http_address(self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.http).into()
    }

    /// The address of HTTPS.
    pub fn https_address(self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.https).into()
    }
}

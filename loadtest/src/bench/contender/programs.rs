//! Where the programs of the contenders are, and which versions they have.

use super::Contender;
use crate::bench::system::version_of;
use crate::bench::{Doing as _, Failure, Result};
use std::path::{Path, PathBuf};

/// Where to look for programs.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The folder with `ingora`, `ingora-gateway`, `ingora-echo` and `bare-pingora`.
    pub ours: PathBuf,
    /// Envoy, when it is not on the PATH.
    pub envoy: Option<PathBuf>,
}

impl Programs {
    /// Ours in `folder`, or beside the running program.
    ///
    /// # Errors
    /// When the system does not say where that is.
    pub fn new(folder: Option<PathBuf>, envoy: Option<PathBuf>) -> Result<Self> {
        if let Some(ours) = folder {
            return Ok(Self { ours, envoy });
        }
        let own = std::env::current_exe().doing(|| "cannot tell where ingora-bench is".to_owned())?;
        Ok(Self { ours: own.parent().unwrap_or(Path::new(".")).to_owned(), envoy })
    }

    /// The program of a contender; for Ingora the folder of its two programs.
    ///
    /// # Errors
    /// When it is not there; the message says what to install.
    pub fn find(&self, contender: Contender) -> Result<PathBuf> {
        match contender {
            Contender::Ingora => {
                self.our("ingora")?;
                self.our("ingora-gateway")?;
                Ok(self.ours.clone())
            }
            Contender::BarePingora => self.our("bare-pingora"),
            Contender::Nginx => tool("nginx", "apt-get install -y nginx"),
            Contender::Haproxy => tool("haproxy", "apt-get install -y haproxy"),
            Contender::Envoy => match &self.envoy {
                Some(envoy) if envoy.is_file() => Ok(envoy.clone()),
                Some(envoy) => {
                    Err(Failure::said(format!("--envoy names {}, which is not there", envoy.display())))
                }
                None => tool("envoy", "loadtest/envoy/install, and name what it prints with --envoy"),
            },
        }
    }

    /// A program of ours.
    ///
    /// # Errors
    /// When it has not been built.
    pub fn our(&self, name: &str) -> Result<PathBuf> {
        let path = self.ours.join(name);
        if path.is_file() {
            return Ok(path);
        }
        Err(Failure::said(format!("{} is missing; make bench builds it", path.display())))
    }

    /// The version of a contender, as short as it says it.
    ///
    /// # Errors
    /// When it is not there.
    pub fn version(&self, contender: Contender) -> Result<String> {
        let program = self.find(contender)?;
        Ok(match contender {
            Contender::Ingora => version_of(&program.join("ingora-gateway"), "--version"),
            Contender::BarePingora => engine_version().to_owned(),
            Contender::Nginx | Contender::Haproxy => version_of(&program, "-v"),
            Contender::Envoy => version_of(&program, "--version"),
        })
    }
}

/// A program on the PATH, or in `/usr/sbin`, which is not on everybody's.
///
/// # Errors
/// When it is not there; `install` says how to get it.
pub fn tool(name: &str, install: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| Failure::said(format!("{name} is not installed; get it with: {install}")))
}

/// The release of Pingora that both Ingora and the floor are built with, as the lock file of this build pins it.
fn engine_version() -> &'static str {
    const LOCK: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock"));
    LOCK.split_once("name = \"pingora\"\nversion = \"")
        .and_then(|(_, rest)| rest.split('"').next())
        .unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_has_a_version() {
        assert!(engine_version().starts_with("0."), "{}", engine_version());
    }

    #[test]
    fn what_is_missing_is_told_with_how_to_get_it() {
        let programs =
            Programs { ours: PathBuf::from("/nonexistent"), envoy: Some("/nonexistent/envoy".into()) };
        let said = |contender| programs.find(contender).unwrap_err().to_string();
        assert!(said(Contender::Ingora).contains("make bench"), "{}", said(Contender::Ingora));
        assert!(said(Contender::Envoy).contains("--envoy"), "{}", said(Contender::Envoy));
        let no_such = tool("ingora-no-such-tool", "apt-get install -y it").unwrap_err().to_string();
        assert_eq!(no_such, "ingora-no-such-tool is not installed; get it with: apt-get install -y it");
    }
}

//! The manifests: one file per site, with an Ingress, its Service and its EndpointSlice, and every way they change.
//!
//! One file per site, however many there are, and not files of a hundred objects: what changes is a file, and a file is read
//! whole. A hundred objects in it would measure how fast ninety-nine others are read again.

use super::super::{Doing as _, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// Which backend answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one of every site at first.
    Blue,
    /// The other.
    Green,
}

impl Side {
    /// What stands in its answers, and nowhere else in them.
    #[must_use]
    pub fn mark(self) -> &'static [u8] {
        match self {
            Self::Blue => br#""name": "blue""#,
            Self::Green => br#""name": "green""#,
        }
    }
}

/// What can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An Ingress that is there names another Service.
    Ingress,
    /// A Service's endpoint moves.
    Endpoints,
    /// An Ingress, its Service and its EndpointSlice that were not there.
    New,
}

impl Kind {
    /// All, in the order in which they are told.
    pub const ALL: [Self; 3] = [Self::Ingress, Self::Endpoints, Self::New];

    /// As tables say it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Ingress => "an edited Ingress",
            Self::Endpoints => "a moved endpoint",
            Self::New => "a new Ingress, Service and EndpointSlice",
        }
    }
}

/// A folder of manifests that `ingora sync` follows.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    sites: usize,
    ports: [u16; 2],
}

impl Folder {
    /// Fills an empty folder: `sites` sites, all blue. `ports` are those of the blue and of the green backend.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn fill(path: &Path, sites: usize, ports: [u16; 2]) -> Result<Self> {
        let folder = Self { path: path.to_owned(), sites, ports };
        folder.put("fixed", &format!("{CLASS}---\n{}", folder.site("green", "green", Side::Green)))?;
        for at in 0..sites {
            let name = Self::name(at);
            folder.put(&name, &folder.site(&name, &name, Side::Blue))?;
        }
        Ok(folder)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many sites it was filled with.
    #[must_use]
    pub fn sites(&self) -> usize {
        self.sites
    }

    /// The host of a site that is there from the beginning. Changes with numbers that follow each other hit sites far apart.
    #[must_use]
    pub fn host(&self, number: usize) -> String {
        format!("{}.test", self.far_apart(number))
    }

    /// Makes change `number` of a kind, so that `side` answers afterwards; the host where that shows. For [`Kind::New`] and
    /// [`Side::Blue`] it is taken away again, and nobody answers.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn change(&self, kind: Kind, number: usize, side: Side) -> Result<String> {
        let name = self.far_apart(number);
        match kind {
            Kind::Ingress => {
                let service = if side == Side::Green { "green" } else { &name };
                self.put(&name, &self.site(&name, service, Side::Blue))?;
            }
            Kind::Endpoints => self.put(&name, &self.site(&name, &name, side))?,
            Kind::New => {
                let name = format!("new-{number}");
                match side {
                    Side::Green => self.put(&name, &self.site(&name, &name, side))?,
                    Side::Blue => self.remove(&name)?,
                }
                return Ok(format!("{name}.test"));
            }
        }
        Ok(format!("{name}.test"))
    }

    fn name(at: usize) -> String {
        format!("site-{at}")
    }

    /// A prime larger than most steps anybody takes: numbers that follow each other are different sites.
    fn far_apart(&self, number: usize) -> String {
        Self::name(number.wrapping_mul(7919) % self.sites)
    }

    /// Writes a file as editors do: beside, then renamed into its place.
    fn put(&self, name: &str, text: &str) -> Result<()> {
        let (beside, file) = (self.path.join(format!(".{name}.swp")), self.file(name));
        let written = fs::write(&beside, text).and_then(|()| fs::rename(&beside, &file));
        written.doing(|| format!("cannot write {}", file.display()))
    }

    fn remove(&self, name: &str) -> Result<()> {
        let file = self.file(name);
        fs::remove_file(&file).doing(|| format!("cannot remove {}", file.display()))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(format!("{name}.yaml"))
    }

    /// The text of one site: its host leads to `service`, its own Service to the backend of `side`.
    fn site(&self, name: &str, service: &str, side: Side) -> String {
        let port = self.ports[usize::from(side == Side::Green)];
        format!(
            "\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{ name: {name}, namespace: bench }}
spec:
  ingressClassName: ingora
  rules:
    - host: {name}.test
      http: {{ paths: [{{ path: /, pathType: Prefix, backend: {{ service: {{ name: {service}, port: {{ number: 80 }} }} }} }}] }}
---
apiVersion: v1
kind: Service
metadata: {{ name: {name}, namespace: bench }}
spec: {{ ports: [{{ port: 80 }}] }}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{ name: {name}-1, namespace: bench, labels: {{ kubernetes.io/service-name: {name} }} }}
addressType: IPv4
endpoints: [{{ addresses: [127.0.0.1] }}]
ports: [{{ port: {port} }}]
"
        )
    }
}

const CLASS: &str = "\
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: { name: ingora }
spec: { controller: ingora.io/ingress-controller }
";

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (Folder, tempfile::TempDir) {
        let home = tempfile::tempdir().unwrap();
        (Folder::fill(home.path(), 10, [9001, 9002]).unwrap(), home)
    }

    fn read(folder: &Folder, name: &str) -> String {
        fs::read_to_string(folder.file(name)).unwrap()
    }

    #[test]
    fn a_change_and_its_way_back_leave_the_folder_as_it_was() {
        let (folder, home) = folder();
        let count = || fs::read_dir(home.path()).unwrap().count();
        assert_eq!(count(), 11, "ten sites and what is fixed");
        for kind in Kind::ALL {
            let before = read(&folder, "site-9");
            let host = folder.change(kind, 1, Side::Green).unwrap();
            assert_eq!(host, if kind == Kind::New { "new-1.test" } else { "site-9.test" });
            let changed = read(&folder, "site-9");
            assert_eq!(changed.contains("service: { name: green"), kind == Kind::Ingress);
            assert_eq!(changed.contains("port: 9002"), kind == Kind::Endpoints);
            assert_eq!(count(), if kind == Kind::New { 12 } else { 11 });
            assert_eq!(folder.change(kind, 1, Side::Blue).unwrap(), host);
            assert_eq!(read(&folder, "site-9"), before);
            assert_eq!(count(), 11);
        }
    }

    #[test]
    fn as_many_changes_as_there_are_sites_hit_each_once() {
        let (folder, _home) = folder();
        let hosts: std::collections::BTreeSet<String> = (3..13).map(|number| folder.host(number)).collect();
        assert_eq!(hosts.len(), 10);
    }
}

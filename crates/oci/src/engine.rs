//! The engine at the other end of a local socket, asked one thing after the other.

use bollard::errors::Error;
use bollard::query_parameters::{ListContainersOptions, RemoveContainerOptions};
use bollard::{API_DEFAULT_VERSION, Docker};
use rustix::process::test_kill_process;
use stayhand_sandbox::Failure;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::runtime::Runtime;

/// How long an engine may take for an answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The longest time that a program runs, in seconds: while it does, one request has no answer.
const LONGEST: u64 = 7 * 24 * 60 * 60;

/// What an engine says of itself where it runs without root.
const ROOTLESS: &str = "rootless";

/// An engine that can be asked. Containers that a process of this machine has left behind are removed when it is found.
#[derive(Debug)]
pub struct Engine {
    socket: PathBuf,
    name: String,
    pub(crate) runtime: Runtime,
    pub(crate) docker: Docker,
}

impl Engine {
    /// The engine that listens on this socket.
    pub fn at(socket: &Path) -> Result<Self, Failure> {
        let text = socket.to_str().ok_or_else(|| Failure::other("the socket has no UTF-8 name"))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Failure::other)?;
        let docker = {
            let _inside = runtime.enter();
            Docker::connect_with_unix(text, LONGEST, API_DEFAULT_VERSION)
        };
        let mut engine = Self {
            socket: socket.to_owned(),
            name: String::new(),
            docker: docker.map_err(|error| Failure::other(format!("no container engine: {error}")))?,
            runtime,
        };
        engine.docker = engine.ask(engine.docker.clone().negotiate_version())?;
        let version = engine.ask(engine.docker.version())?;
        let part = version.components.unwrap_or_default().into_iter().next();
        let (name, version) =
            part.map_or(("an engine".to_owned(), String::new()), |part| (part.name, part.version));
        engine.name = format!("{name} {version}");
        engine.check()?;
        engine.sweep()?;
        Ok(engine)
    }

    /// The socket that `DOCKER_HOST` names (`unix://…`), or else one of those where engines usually listen.
    pub fn socket(docker_host: Option<&str>) -> Option<PathBuf> {
        if let Some(named) = docker_host {
            return named.strip_prefix("unix://").map(PathBuf::from);
        }
        ["/var/run/docker.sock", "/run/podman/podman.sock"]
            .map(PathBuf::from)
            .into_iter()
            .find(|path| path.exists())
    }

    /// Its name and version, and where it listens.
    pub fn describe(&self) -> String {
        format!("{} at {}", self.name.trim_end(), self.socket.display())
    }

    /// Who a program in a container without user namespaces is, seen from here, is who it is there: elsewhere that is
    /// not so, and the folder would not be its own.
    fn check(&self) -> Result<(), Failure> {
        let info = self.ask(self.docker.info())?;
        let options = info.security_options.unwrap_or_default();
        let is = |word: &str| options.iter().any(|option| option.contains(word));
        if is(ROOTLESS) || is("userns") {
            return Err(Failure::other(format!(
                "{} maps users (it runs without root, or with `userns-remap`), for which containers are not built here",
                self.describe()
            )));
        }
        Ok(())
    }

    /// Asks something and waits for the answer.
    pub(crate) fn ask<T>(&self, question: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
        let within = async { tokio::time::timeout(PATIENCE, question).await };
        match self.runtime.block_on(within) {
            Ok(answer) => answer.map_err(|error| self.failed(&error)),
            Err(_) => {
                let seconds = PATIENCE.as_secs();
                Err(Failure::other(format!("{} does not answer within {seconds} s", self.describe())))
            }
        }
    }

    pub(crate) fn failed(&self, error: &Error) -> Failure {
        let text = match error {
            Error::DockerResponseServerError { message, .. } => message.clone(),
            error => error.to_string(),
        };
        Failure::other(format!("{}: {}", self.describe(), text.trim_end()))
    }

    /// Ends and removes a container, whatever it is doing.
    pub(crate) fn remove(&self, container: &str) -> Result<(), Failure> {
        let options = RemoveContainerOptions { force: true, v: true, ..RemoveContainerOptions::default() };
        self.ask(self.docker.remove_container(container, Some(options)))
    }

    /// Removes what processes of this machine have left that are gone.
    fn sweep(&self) -> Result<(), Failure> {
        let filters = HashMap::from([("label".to_owned(), vec![Owner::LABEL.to_owned()])]);
        let options =
            ListContainersOptions { all: true, filters: Some(filters), ..ListContainersOptions::default() };
        for found in self.ask(self.docker.list_containers(Some(options)))? {
            let owner = found.labels.as_ref().and_then(|labels| labels.get(Owner::LABEL));
            if let (Some(id), Some(owner)) = (found.id, owner)
                && Owner::is_gone(owner)
            {
                // Somebody else may have been faster.
                let _ = self.remove(&id);
            }
        }
        Ok(())
    }
}

/// The process that a container belongs to, as a label: where it runs, its number, and when it started.
pub(crate) struct Owner;

impl Owner {
    pub(crate) const LABEL: &str = "stayhand.owner";

    /// This process.
    pub(crate) fn this() -> String {
        let process = std::process::id();
        format!("{} {process} {}", Self::place(), Self::started(process).unwrap_or_default())
    }

    /// Whether a process that could be seen here is gone. Of others nothing is known.
    fn is_gone(owner: &str) -> bool {
        let Some((place, process)) = owner.split_once(' ') else { return false };
        let Some((process, started)) = process.split_once(' ') else { return false };
        let Ok(process) = process.parse::<u32>() else { return false };
        let id = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
        let is_there = id.is_some_and(|id| test_kill_process(id) != Err(rustix::io::Errno::SRCH));
        // When it was started cannot always be seen.
        let is_another = || Self::started(process).is_some_and(|now| now != started);
        place == Self::place() && (!is_there || is_another())
    }

    /// This machine since it was started, and in it these processes.
    fn place() -> String {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let processes = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        format!("{}/{}", boot.trim(), processes.display())
    }

    /// When a process was started, in ticks since the machine was.
    fn started(process: u32) -> Option<String> {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name of a program may hold anything; behind its bracket is the third field.
        let (_, fields) = stat.rsplit_once(')')?;
        fields.split_whitespace().nth(19).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::Owner;

    #[test]
    fn whose_a_container_is() {
        let ours = Owner::this();
        assert!(!Owner::is_gone(&ours));
        let (place, _) = ours.split_once(' ').unwrap();
        // Its number belongs to somebody else by now, or to nobody.
        assert!(Owner::is_gone(&format!("{place} {} 1", std::process::id())));
        assert!(Owner::is_gone(&format!("{place} 4194304 1")));
        // Of another machine, of other processes, or not written by us.
        for unknown in ["other/pid:[1] 4194304 1", "", "x", "a b c"] {
            assert!(!Owner::is_gone(unknown), "{unknown}");
        }
    }
}

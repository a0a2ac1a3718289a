use super::*;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

struct Scene {
    guard: Guard,
    switch: KillSwitch,
    signal: Arc<AtomicBool>,
    config: Config,
}

fn scene(name: &str) -> Scene {
    let folder =
        std::env::temp_dir().join(format!("dutchbook-guard-{}-{name}", std::process::id()));
    let text =
        format!("[kill]\nlisten = \"127.0.0.1:0\"\nstate_dir = {:?}\n", folder.to_str().unwrap());
    let config = Config::parse(&text).unwrap();
    let (switch, signal) = (KillSwitch::default(), Arc::new(AtomicBool::new(false)));
    let guard = start(watched(&config, &switch, &signal)).unwrap();
    Scene { guard, switch, signal, config }
}

fn watched(config: &Config, switch: &KillSwitch, signal: &Arc<AtomicBool>) -> Watched {
    Watched {
        config: config.clone(),
        is_live: false,
        switch: switch.clone(),
        signal: Arc::clone(signal),
        tls: TlsRoots::public().unwrap(),
        clock: Clock::new(),
    }
}

impl Scene {
    /// Waits until the switch is pulled, and takes what the guard did. A new guard is refused from
    /// then on, until a person clears the latch.
    fn ends_with(self, cause: KillCause) {
        let waited = Clock::new();
        let began = waited.now();
        while !self.switch.is_pulled() {
            assert!(waited.now().since(began) < Nanos::from_secs(10), "nothing pulled the switch");
            std::thread::yield_now();
        }
        let end = self.guard.stop();
        assert_eq!((end.cause, end.trouble), (Some(cause), Vec::new()));
        let again = start(watched(&self.config, &KillSwitch::default(), &self.signal));
        let refused = again.unwrap_err().to_string();
        assert!(refused.contains(&format!("pulled by {}", cause.name())), "{refused}");
        assert!(refused.contains("dutchbook clear"), "{refused}");
        let latch = Latch::open(&self.config.kill.state_dir).unwrap();
        latch.clear("a test", 1).unwrap();
        let fresh = Arc::new(AtomicBool::new(false));
        let guard = start(watched(&self.config, &KillSwitch::default(), &fresh)).unwrap();
        assert_eq!(guard.stop().cause, None, "nothing is left of it");
        std::fs::remove_dir_all(&self.config.kill.state_dir).unwrap();
    }
}

fn call(address: SocketAddr, request: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    let mut reply = String::new();
    socket.read_to_string(&mut reply).unwrap();
    reply
}

#[test]
fn a_signal_pulls_the_switch() {
    let scene = scene("signal");
    scene.signal.store(true, Ordering::Release);
    scene.ends_with(KillCause::Signal);
}

#[test]
fn a_file_pulls_the_switch() {
    let scene = scene("file");
    std::fs::write(scene.config.kill.state_dir.join("kill"), "").unwrap();
    scene.ends_with(KillCause::File);
}

#[test]
fn a_command_pulls_the_switch_by_its_latch() {
    let scene = scene("command");
    let latch = Latch::open(&scene.config.kill.state_dir).unwrap();
    let said = Latched { cause: "command".to_owned(), ..Latched::default() };
    latch.set(&said).unwrap();
    scene.ends_with(KillCause::Command);
}

#[test]
fn the_endpoint_pulls_the_switch_for_who_means_it() {
    let scene = scene("endpoint");
    let address = scene.guard.address().unwrap();
    let state = call(address, "GET /kill HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(state.starts_with("HTTP/1.1 200") && state.contains("\"killed\":false"), "{state}");
    for (request, status) in [
        ("POST /kill HTTP/1.1\r\nHost: x\r\n\r\n", "403"),
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "404"),
        ("nonsense\r\n\r\n", "400"),
    ] {
        let reply = call(address, request);
        assert!(reply.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {reply}");
        assert!(!scene.switch.is_pulled());
    }
    let pulled = call(address, "POST /kill HTTP/1.1\r\nHost: x\r\nX-Dutchbook: kill\r\n\r\n");
    assert!(pulled.starts_with("HTTP/1.1 202") && pulled.contains("endpoint"), "{pulled}");
    scene.ends_with(KillCause::Endpoint);
}

#[test]
fn what_the_engine_pulls_is_latched_too() {
    let scene = scene("engine");
    scene.switch.pull(KillCause::Account);
    scene.ends_with(KillCause::Account);
}

#[test]
fn a_guard_that_nobody_needs_ends_at_once() {
    let scene = scene("idle");
    let end = scene.guard.stop();
    assert_eq!((end.cause, end.swept.len(), end.trouble.len()), (None, 0, 0));
    std::fs::remove_dir_all(&scene.config.kill.state_dir).unwrap();
}

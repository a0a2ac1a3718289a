//! Cores, kernel settings, memory and disk of this machine.

use std::path::Path;

use super::Findings;
use crate::config::{Config, LayoutKind, NonceMode};
use crate::pin::{Wait, core_count, pin_to};
use crate::secret::SecretPages;

/// Less room than this stops a run before its first day is over.
const DISK_RED_BYTES: u64 = 1 << 30;
/// Less than this is soon full of captures.
const DISK_POOR_BYTES: u64 = 10 << 30;
/// File descriptors that a run needs beside its sockets.
const FILES_MIN: u64 = 256;

/// Looks at everything that does not need the network.
pub(super) fn examine(config: &Config, findings: &mut Findings) {
    cores(config, findings);
    kernel(Path::new("/"), config, findings);
    memory(config, findings);
    files(findings);
    disk(config, findings);
}

fn cores(config: &Config, findings: &mut Findings) {
    let about = "cores";
    let (tiles, cores) = (&config.tiles, core_count());
    let wanted = match tiles.layout {
        LayoutKind::Single => 1,
        LayoutKind::Split => 3,
    };
    if tiles.wait == Wait::Spin && cores <= wanted {
        findings.poor(
            about,
            format!("{wanted} spinning tiles on {cores} cores leave none for the rest"),
            "set tiles.wait = \"auto\", or use a machine with more cores",
        );
    } else {
        findings.good(
            about,
            format!("{cores}, of which tiles take {wanted} ({} when idle)", tiles.wait),
        );
    }
    if tiles.cores.is_empty() {
        let fix = "name one core per tile in tiles.cores, best ones that the kernel leaves alone";
        findings.poor("cores.pinned", "tiles are not pinned and move between cores", fix);
        return;
    }
    let refused: Vec<String> =
        tiles.cores.iter().filter(|core| !is_given(**core)).map(usize::to_string).collect();
    if refused.is_empty() {
        findings.good("cores.pinned", format!("cores {:?} can be pinned to", tiles.cores));
    } else {
        let said = format!("the system refuses core {}", refused.join(", "));
        let fix = "take cores out of `taskset -pc $$` or of this container's cpuset";
        findings.poor("cores.pinned", said, fix);
    }
}

/// Whether a thread may be pinned to a core; tried on a thread of its own.
fn is_given(core: usize) -> bool {
    std::thread::spawn(move || pin_to(core)).join().unwrap_or(false)
}

/// One setting of the kernel: where it is read, what it should be, and why.
struct Setting {
    about: &'static str,
    path: &'static str,
    wanted: &'static str,
    fix: &'static str,
}

const SETTINGS: [Setting; 4] = [
    Setting {
        about: "kernel.clocksource",
        path: "sys/devices/system/clocksource/clocksource0/current_clocksource",
        wanted: "tsc",
        fix: "boot with clocksource=tsc tsc=reliable: other clocks cost a system call or a microsecond",
    },
    Setting {
        about: "kernel.governor",
        path: "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
        wanted: "performance",
        fix: "run `cpupower frequency-set -g performance`: a core that slept clocks up slowly",
    },
    Setting {
        about: "kernel.slow_start",
        path: "proc/sys/net/ipv4/tcp_slow_start_after_idle",
        wanted: "0",
        fix: "run `sysctl -w net.ipv4.tcp_slow_start_after_idle=0`: warm connections stay fast",
    },
    Setting {
        about: "kernel.deep_sleep",
        path: "sys/module/intel_idle/parameters/max_cstate",
        wanted: "0",
        fix: "boot with intel_idle.max_cstate=0 processor.max_cstate=1: waking from deep sleep takes long",
    },
];

/// Kernel settings below `root`; one that this machine does not have says nothing.
fn kernel(root: &Path, config: &Config, findings: &mut Findings) {
    for setting in &SETTINGS {
        let Ok(text) = std::fs::read_to_string(root.join(setting.path)) else { continue };
        let found = text.trim();
        if found == setting.wanted {
            findings.good(setting.about, found);
        } else {
            findings.poor(setting.about, format!("{found}, not {}", setting.wanted), setting.fix);
        }
    }
    let isolated = std::fs::read_to_string(root.join("sys/devices/system/cpu/isolated"));
    let isolated = isolated.map(|text| indices(text.trim())).unwrap_or_default();
    let own = &config.tiles.cores;
    if config.tiles.wait == Wait::Spin && !own.iter().all(|core| isolated.contains(core)) {
        let fix = "boot with isolcpus= and nohz_full= for the cores of tiles.cores";
        findings.poor("kernel.isolated", "the tiles' cores are shared with everything else", fix);
    }
}

/// The numbers of a list such as `2-3,6`.
fn indices(text: &str) -> Vec<usize> {
    let range = |part: &str| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        Some(from.trim().parse().ok()?..=to.trim().parse::<usize>().ok()?.min(4_096))
    };
    text.split(',').filter_map(range).flatten().collect()
}

/// Memory that keeps secrets to this process.
fn memory(config: &Config, findings: &mut Findings) {
    let about = "memory.secrets";
    match SecretPages::new(1) {
        Ok(pages) if pages.is_locked() => {
            findings.good(about, "kept from forks, dumps and swap space");
        }
        Ok(_) => {
            let fix = "raise the limit of locked memory (`ulimit -l`), or switch swap off";
            findings.poor(about, "may be written to swap space", fix);
        }
        Err(error) if config.live.nonces == NonceMode::Prepared => {
            let fix = "set live.nonces = \"deterministic\"";
            findings.red(about, format!("no memory for prepared nonces: {error}"), fix);
        }
        Err(error) => {
            let fix = "none is needed while live.nonces is \"deterministic\"";
            findings.poor(about, format!("no memory that forks do not see: {error}"), fix);
        }
    }
}

fn files(findings: &mut Findings) {
    let about = "limit.files";
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: writes into `limit`, which lives on this stack frame.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return;
    }
    let count = limit.rlim_cur;
    if count < FILES_MIN {
        let fix = format!("run `ulimit -n {}`", FILES_MIN.saturating_mul(16));
        findings.red(about, format!("{count} open files at most"), fix);
    } else {
        findings.good(about, format!("{count} open files at most"));
    }
}

/// Room where latch, journal and ledger lie, and who else may write there.
fn disk(config: &Config, findings: &mut Findings) {
    let folder = &config.kill.state_dir;
    let shown = folder.display();
    if let Err(error) = crate::risk::latch::Latch::open(folder) {
        let fix = "name a folder in kill.state_dir that this user may write";
        findings.red("disk", format!("{shown}: {error}"), fix);
        return;
    }
    match free_bytes(folder) {
        None => {
            let fix = "look at it yourself: `df`";
            findings.poor("disk", format!("how much room {shown} has cannot be read"), fix);
        }
        Some(bytes) => {
            let said = format!("{} MiB free in {shown}", bytes >> 20);
            let fix = "make room, or move kill.state_dir to another disk";
            if bytes < DISK_RED_BYTES {
                findings.red("disk", said, fix);
            } else if bytes < DISK_POOR_BYTES {
                findings.poor("disk", said, fix);
            } else {
                findings.good("disk", said);
            }
        }
    }
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(folder).map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o022 != 0 {
        let said = format!("others may write in {shown} (mode {:o})", mode & 0o777);
        findings.red("disk.permissions", said, format!("run `chmod 700 {shown}`"));
    } else {
        findings.good("disk.permissions", format!("{shown} belongs to its owner"));
    }
}

fn free_bytes(folder: &Path) -> Option<u64> {
    use std::os::unix::ffi::OsStrExt as _;
    let path = std::ffi::CString::new(folder.as_os_str().as_bytes()).ok()?;
    // SAFETY: a structure of plain numbers, for which zeros are a value.
    let mut stat: libc::statvfs = unsafe { core::mem::zeroed() };
    // SAFETY: `path` ends with a zero byte and `stat` lives on this stack frame.
    if unsafe { libc::statvfs(path.as_ptr(), &raw mut stat) } != 0 {
        return None;
    }
    stat.f_bavail.checked_mul(stat.f_frsize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;

    fn severity(findings: &Findings, about: &str) -> Option<Severity> {
        findings.list.iter().find(|it| it.about == about).map(|it| it.severity)
    }

    #[test]
    fn settings_are_read_where_the_machine_has_them() {
        let root = std::env::temp_dir().join(format!("dutchbook-machine-{}", std::process::id()));
        let put = |path: &str, text: &str| {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        put(SETTINGS[0].path, "tsc\n");
        put(SETTINGS[1].path, "powersave\n");
        put("sys/devices/system/cpu/isolated", "0-1\n");
        let mut config = Config::parse("[tiles]\nwait = \"spin\"\ncores = [0]\n").unwrap();
        let mut findings = Findings::default();
        kernel(&root, &config, &mut findings);
        assert_eq!(severity(&findings, "kernel.clocksource"), Some(Severity::Good));
        assert_eq!(severity(&findings, "kernel.governor"), Some(Severity::Poor));
        assert_eq!(severity(&findings, "kernel.slow_start"), None);
        assert_eq!(severity(&findings, "kernel.isolated"), None);
        config.tiles.cores = vec![2];
        kernel(&root, &config, &mut findings);
        assert_eq!(severity(&findings, "kernel.isolated"), Some(Severity::Poor));
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn cores_that_are_refused_are_named() {
        let mut config = Config::parse("").unwrap();
        config.tiles.cores = vec![9_999];
        let mut findings = Findings::default();
        cores(&config, &mut findings);
        let refused = findings.list.iter().find(|it| it.about == "cores.pinned").unwrap();
        assert!(refused.said.contains("9999"), "{refused:?}");
    }

    #[test]
    fn a_folder_that_others_may_write_is_red() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = std::env::temp_dir().join(format!("dutchbook-disk-{}", std::process::id()));
        let text = format!("[kill]\nstate_dir = {:?}\n", folder.to_str().unwrap());
        let config = Config::parse(&text).unwrap();
        let mut findings = Findings::default();
        disk(&config, &mut findings);
        assert_eq!(severity(&findings, "disk.permissions"), Some(Severity::Good));
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
        let mut findings = Findings::default();
        disk(&config, &mut findings);
        assert_eq!(severity(&findings, "disk.permissions"), Some(Severity::Red));
        std::fs::remove_dir_all(&folder).unwrap();
        std::fs::write(&folder, "").unwrap();
        let mut findings = Findings::default();
        disk(&config, &mut findings);
        assert_eq!(severity(&findings, "disk"), Some(Severity::Red), "a file is no folder");
        std::fs::remove_file(folder).unwrap();
    }

    #[test]
    fn lists_of_cores_are_read() {
        assert_eq!(indices("2-4,7"), [2, 3, 4, 7]);
        assert_eq!(indices(""), Vec::<usize>::new());
        assert_eq!(indices("x,1"), [1]);
    }
}

# Starts a container engine and creates stand-ins for the base images, on machines
# that have neither an engine nor access to an image registry. Needs Debian and root.
# `run` sources this file under `set -euo pipefail` and stops its `children`.
#
# The stand-ins have the names of the base images in the Dockerfile. The builder
# contains this machine's C compiler and Rust toolchain; the base contains Debian's
# static busybox.

engine_home=${PAGES_RETRY_ENGINE_HOME:-$HOME/.cache/pages-retry-engine} # kept between runs
# The path of a socket is limited to 108 bytes, so it may not fit in that folder.
engine_run=/run/pages-retry-$(cksum <<<"$engine_home" | cut -d ' ' -f 1)
docker=docker

# Installs what is missing, and starts the engine.
engine_start() {
    local package missing=()
    [[ $EUID -eq 0 && -e /etc/debian_version ]] || {
        echo 'to start an engine takes Debian and root'
        return 1
    }
    mkdir -p "$engine_home"
    # Only one run at a time: another one would stop this engine. Background
    # processes must not hold the lock, hence each `9>&-`.
    exec 9>"$engine_home/lock"
    flock --nonblock 9 || {
        echo 'another run uses the engine; waiting until it ends'
        flock --timeout 1800 9
    }
    for package in docker.io docker-registry busybox-static; do
        dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
    done
    if ((${#missing[@]})); then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    fi
    engine_stop
    mkdir -p "$engine_run"
    docker=/usr/bin/docker # Debian's client includes BuildKit
    export DOCKER_HOST=unix://$engine_run/engine.sock DOCKER_CONFIG=$engine_home/config DOCKER_BUILDKIT=1
    # Without a bridge and firewall rules, the machine's network is not changed.
    cat >"$engine_run/engine.json" <<EOF
{"hosts": ["$DOCKER_HOST"], "data-root": "$engine_home/data", "exec-root": "$engine_run/exec",
 "pidfile": "$engine_run/engine.pid", "bridge": "none", "iptables": false, "ip6tables": false,
 "storage-driver": "overlay2", "log-level": "warn"}
EOF
    setsid dockerd --config-file "$engine_run/engine.json" >"$engine_run/engine.log" 2>&1 </dev/null 9>&- &
    for _ in {1..200}; do
        "$docker" version >/dev/null 2>&1 && return
        sleep 0.1
    done
    tail -20 "$engine_run/engine.log"
    echo 'the engine does not start'
    return 1
}

# Stops the engine. Also removes what a killed run has left behind.
engine_stop() {
    local pid mount
    pid=$(cat "$engine_run/engine.pid" 2>/dev/null) || pid=
    # The process id may have been reused by another process.
    if [[ -n $pid ]] && grep -qaF "$engine_run" "/proc/$pid/cmdline" 2>/dev/null; then
        kill "$pid"
        for _ in {1..150}; do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
    fi
    while read -r mount; do
        umount -l "$mount"
    done < <(awk -v under="$engine_run/" 'index($2, under) == 1 {print $2}' /proc/mounts | sort -r)
    rm -rf "$engine_run"
}

# Succeeds if the image `$1` has the label `made_from=$2`.
is_made_from() {
    [[ $("$docker" image inspect --format '{{index .Config.Labels "made_from"}}' "$1" 2>/dev/null) == "$2" ]]
}

# Creates the stand-in `$1` for the builder.
stand_in_for_rust() {
    local root=$engine_run/rust sysroot toolchain made_from link file
    sysroot=$(realpath "$(rustc --print sysroot)")
    made_from=$({ rustc -vV; gcc --version; declare -f stand_in_for_rust; } | sha256sum | cut -c1-16)
    ! is_made_from "$1" "$made_from" || return 0
    toolchain=usr/local/rust
    rm -rf "$root"
    mkdir -p "$root"/{dev,proc,sys,tmp,root,etc/ssl/certs,usr/bin,$toolchain}
    chmod 1777 "$root/tmp"
    for link in bin sbin lib lib64; do ln -s "usr/$link" "$root/$link"; done
    ln -s gcc "$root/usr/bin/cc"
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    # The files of a C compiler and a shell, and of all their dependencies.
    apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
        gcc libc6-dev dash bash coreutils sed grep findutils | grep '^[a-z]' | sort -u |
        grep -vE '^(perl|debconf|dpkg|passwd|login|adduser|libpam)' |
        xargs dpkg-query --show --showformat '${db:Status-Abbrev}${binary:Package}\n' 2>/dev/null |
        sed -n 's/^ii *//p' | xargs dpkg -L | grep -vE '^/(etc|usr/share/(doc|man|locale|info|lintian))' |
        # `/bin` and the like are links here, and each path may occur only once.
        sed -E 's,^/(bin|sbin|lib|lib64)(/|$),/usr/\1\2,; s,^/,,' | sort -u |
        while read -r file; do
            [[ -d /$file && ! -L /$file ]] || [[ ! -e /$file && ! -L /$file ]] || echo "$file"
        done >"$engine_run/files"
    tar --create --numeric-owner --owner=0 --group=0 --directory "$root" . \
        --directory / --no-recursion --files-from "$engine_run/files" \
        --directory "$sysroot" --recursion --transform "flags=r;s,^\(bin\|lib\)\(/\|\$\),$toolchain/\1\2," \
        bin/cargo bin/rustc lib |
        "$docker" import --change "LABEL made_from=$made_from" --change "ENV CARGO_HOME=/root/.cargo \
PATH=/$toolchain/bin:/usr/sbin:/usr/bin:/sbin:/bin" - "$1" >/dev/null
    rm -rf "$root"
}

# Creates the stand-in `$1` for the base, with one link per tool as in the real image.
stand_in_for_busybox() {
    local root=$engine_run/busybox tool made_from
    made_from=$({ cat /bin/busybox; declare -f stand_in_for_busybox; } | sha256sum | cut -c1-16)
    ! is_made_from "$1" "$made_from" || return 0
    rm -rf "$root"
    mkdir -p "$root"/{bin,usr/bin,etc,root,tmp}
    chmod 1777 "$root/tmp"
    cp /bin/busybox "$root/bin/"
    for tool in $(busybox --list); do
        [[ $tool == busybox ]] || ln "$root/bin/busybox" "$root/bin/$tool"
    done
    ln -s ../../bin/env "$root/usr/bin/env"
    echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
    tar --create --numeric-owner --owner=0 --group=0 --directory "$root" . |
        "$docker" import --change "LABEL made_from=$made_from" --change 'CMD ["sh"]' \
            --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - "$1" >/dev/null
    rm -rf "$root"
}

# Starts a registry on loopback, with which every engine communicates without TLS.
# Its files are in the folder `$1`; sets `registry` to its address.
registry_start() {
    registry=127.0.0.1:$(python3 -c 'import socket; it = socket.socket(); it.bind(("127.0.0.1", 0)); print(it.getsockname()[1])')
    mkdir -p "$1"
    cat >"$1/registry.yml" <<EOF
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $1/storage}}
http: {addr: "$registry", secret: local}
EOF
    docker-registry serve "$1/registry.yml" >"$1/log" 2>&1 9>&- &
    children+=($!)
    for _ in {1..100}; do
        ! curl --fail --silent "http://$registry/v2/" >/dev/null || return 0
        sleep 0.1
    done
    cat "$1/log"
    return 1
}

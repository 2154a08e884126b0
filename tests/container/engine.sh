# A container engine and stand-ins for the base images, for machines that have
# neither an engine nor a way to an image registry. Debian, root. Sourced by
# `run` under `set -euo pipefail`.
#
# The stand-ins carry the names that the Dockerfile gives its base images: for
# the builder this machine's own C compiler and Rust toolchain, for the base
# Debian's static busybox.

engine_home=${PAGES_RETRY_ENGINE_HOME:-$HOME/.cache/pages-retry-engine} # kept between runs
engine_run=/tmp/pages-retry-engine                                      # short: a socket's path has 108 bytes at most
docker=docker

# Installs what is missing, and starts the engine.
engine_start() {
    local package missing=()
    for package in docker.io docker-registry busybox-static; do
        dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
    done
    if ((${#missing[@]})); then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    fi
    engine_stop
    mkdir -p "$engine_home" "$engine_run"
    docker=/usr/bin/docker # Debian's own client brings BuildKit along
    export DOCKER_HOST=unix://$engine_run/engine.sock DOCKER_CONFIG=$engine_home/config DOCKER_BUILDKIT=1
    # Without a bridge and rules of a firewall the machine's network stays as it is.
    cat >"$engine_run/engine.json" <<EOF
{"hosts": ["$DOCKER_HOST"], "data-root": "$engine_home/data", "exec-root": "$engine_run/exec",
 "pidfile": "$engine_run/engine.pid", "bridge": "none", "iptables": false, "ip6tables": false,
 "storage-driver": "overlay2", "log-level": "warn"}
EOF
    setsid dockerd --config-file "$engine_run/engine.json" >"$engine_run/engine.log" 2>&1 </dev/null &
    for _ in {1..200}; do
        "$docker" version >/dev/null 2>&1 && return
        sleep 0.1
    done
    tail -20 "$engine_run/engine.log"
    echo 'the engine does not start'
    return 1
}

# Also clears what a run left that was killed.
engine_stop() {
    local file pid mount
    for file in "$engine_run"/{registry,engine}.pid; do
        pid=$(cat "$file" 2>/dev/null) || continue
        # A number may belong to another process by now.
        grep -qa docker "/proc/$pid/cmdline" 2>/dev/null || continue
        kill "$pid"
        for _ in {1..150}; do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
    done
    while read -r mount; do
        umount -l "$mount"
    done < <(awk -v under="$engine_run/" 'index($2, under) == 1 {print $2}' /proc/mounts | sort -r)
    rm -rf "$engine_run"
}

# Whether the image `$1` was made from what `$2` says.
is_made_from() {
    [[ $("$docker" image inspect --format '{{index .Config.Labels "made_from"}}' "$1" 2>/dev/null) == "$2" ]]
}

# Makes the stand-in `$1` for the builder.
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
    # The files of a C compiler and a shell, and of all that these need.
    apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
        gcc libc6-dev dash bash coreutils sed grep findutils | grep '^[a-z]' | sort -u |
        grep -vE '^(perl|debconf|dpkg|passwd|login|adduser|libpam)' |
        xargs dpkg-query --show --showformat '${db:Status-Abbrev}${binary:Package}\n' 2>/dev/null |
        sed -n 's/^ii *//p' | xargs dpkg -L | grep -vE '^/(etc|usr/share/(doc|man|locale|info|lintian))' |
        # `/bin` and the like are links here, and no path may come twice.
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

# Makes the stand-in `$1` for the base: one link per tool, as in the real one.
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

# A registry on loopback, which the engine may talk to without TLS.
registry_start() {
    registry=127.0.0.1:5055
    cat >"$engine_run/registry.yml" <<EOF
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $engine_run/registry}}
http: {addr: "$registry", secret: local}
EOF
    setsid docker-registry serve "$engine_run/registry.yml" >"$engine_run/registry.log" 2>&1 </dev/null &
    echo $! >"$engine_run/registry.pid"
    for _ in {1..100}; do
        ! curl --fail --silent "http://$registry/v2/" >/dev/null || return 0
        sleep 0.1
    done
    cat "$engine_run/registry.log"
    return 1
}

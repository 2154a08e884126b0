# Works with BuildKit and with the classic builder, on amd64 and arm64.
ARG RUST_IMAGE=rust:1.95-slim-bookworm
ARG BASE_IMAGE=busybox:1.37-musl

FROM ${RUST_IMAGE} AS build
WORKDIR /src
# No library to find at run time, so any base image will do. A fixed address spares the table of relocations,
# and release/no-unwind.ld the tables for unwinding.
ENV CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C target-feature=+crt-static -C relocation-model=static -C link-arg=-Wl,-T,/src/release/no-unwind.ld" \
    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C target-feature=+crt-static -C relocation-model=static"
# The dependencies alone: this layer holds until Cargo.lock changes.
# Without --target the flags above would reach build scripts and proc macros, which cannot be static.
COPY Cargo.toml Cargo.lock ./
COPY tests/support/Cargo.toml tests/support/
COPY release/no-unwind.ld release/
RUN mkdir src tests/support/src \
    && touch src/lib.rs tests/support/src/lib.rs \
    && echo 'fn main() {}' > src/main.rs \
    && cargo build --release --locked --target "$(rustc --print host-tuple)"
COPY src src
# The checkout may be older than the program built above, and cargo compares times.
RUN touch src/main.rs src/lib.rs \
    && cargo build --release --locked --target "$(rustc --print host-tuple)" \
    && install -D "target/$(rustc --print host-tuple)/release/pages-retry" /out/usr/local/bin/pages-retry

# Some CI systems run a step through the image's own sh, env and tail; the program needs none of them,
# and no certificates either: the roots are compiled in.
FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="pages-retry" \
      org.opencontainers.image.description="Retries a Cloudflare Pages deployment exactly once, streams its stages, and fails the step when it fails" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /out/ /
ENTRYPOINT ["/usr/local/bin/pages-retry"]

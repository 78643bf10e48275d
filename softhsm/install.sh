#!/usr/bin/env bash
# Installs what the server needs from the system: SoftHSM, and the tools that compile the PKCS#11 binding where it is
# not compiled yet. Further package names may be given as arguments (the tests do). Says what it does; says and does
# nothing when nothing is missing.
#
#   softhsm/install.sh [package ...]
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

say() { printf 'install: %s\n' "$*"; }
fail() { printf 'install: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# The module itself decides, not a package name: it may have been built by hand.
softhsm_present() {
  local path
  for path in /usr/lib/softhsm /usr/lib/*/softhsm /usr/local/lib/softhsm /opt/homebrew/lib/softhsm; do
    [ -e "$path/libsofthsm2.so" ] && return 0
  done
  return 1
}

binding_compiled() { [ -e "$root/node_modules/pkcs11js/build/Release/pkcs11.node" ]; }

# node-gyp takes the headers of Node from its own prefix or downloads them; Debian ships them as a package.
node_headers_packaged() {
  have node || return 1
  local node prefix
  node="$(readlink -f "$(command -v node)")"
  prefix="$(dirname "$(dirname "$node")")"
  [ -e "$prefix/include/node/node.h" ] && return 1
  dpkg-query -S "$node" 2>/dev/null | grep -q '^nodejs' || return 1
  apt-cache show libnode-dev >/dev/null 2>&1
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"
  elif have sudo; then sudo "$@"
  else fail "installing packages needs root: run this as root, or install sudo"
  fi
}

install_with_apt() {
  local missing=() package
  softhsm_present || missing+=(softhsm2)
  if ! binding_compiled; then
    have python3 || missing+=(python3)
    have make || missing+=(make)
    { have g++ && have cc; } || missing+=(g++)
    ! node_headers_packaged || missing+=(libnode-dev)
  fi
  # softhsm/master-key.c is compiled when the token is made.
  [ -e "$root/build/softhsm/master-key" ] || have cc || missing+=(gcc libc6-dev)
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0

  say "installing ${missing[*]} with apt-get"
  log="$(mktemp)"
  trap 'rm -f "$log"' EXIT
  # Debian starts nginx as a service once it is installed; the tests want the program alone.
  local serviceless=0
  if [[ " ${missing[*]} " = *" nginx "* ]]; then
    serviceless=1
    if [ ! -e /usr/sbin/policy-rc.d ]; then
      trap 'rm -f "$log"; as_root rm -f /usr/sbin/policy-rc.d' EXIT
      printf '#!/bin/sh\nexit 101\n' | as_root tee /usr/sbin/policy-rc.d >/dev/null
      as_root chmod 755 /usr/sbin/policy-rc.d
    fi
  fi
  # Another apt-get may be at work on a machine that has just started: it is waited for.
  local install=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120
    install -y --no-install-recommends "${missing[@]}")
  # The package lists of a fresh machine are empty or old: they are fetched only if the first attempt fails.
  if ! as_root "${install[@]}" >"$log" 2>&1; then
    say "updating the package lists"
    as_root apt-get update >"$log" 2>&1 || { cat "$log" >&2; fail "apt-get update failed"; }
    as_root "${install[@]}" >"$log" 2>&1 || { cat "$log" >&2; fail "apt-get could not install ${missing[*]}"; }
  fi
  if [ "$serviceless" -eq 1 ] && have systemctl; then as_root systemctl --quiet disable nginx || true; fi
  say "installed ${missing[*]}"
}

# Homebrew calls some of Debian's packages otherwise.
brew_name() {
  case "$1" in
    poppler-utils) echo poppler ;;
    xmlsec1) echo libxmlsec1 ;;
    openssl) echo openssl@3 ;;
    *) echo "$1" ;;
  esac
}

install_with_brew() {
  local missing=() package name
  [ -e "$(brew --prefix)/lib/softhsm/libsofthsm2.so" ] || missing+=(softhsm)
  for package in "$@"; do
    name="$(brew_name "$package")"
    brew list --versions "$name" >/dev/null 2>&1 || missing+=("$name")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  say "installing ${missing[*]} with Homebrew"
  brew install --quiet "${missing[@]}"
  have cc || say "no C compiler: run 'xcode-select --install', then start again"
}

if have apt-get; then install_with_apt "$@"
elif have brew; then install_with_brew "$@"
elif softhsm_present && [ "$#" -eq 0 ]; then :
else
  fail "neither apt-get nor Homebrew is here. Install SoftHSM 2 (libsofthsm2.so) by hand, with python3, make and a C++ \
compiler for the PKCS#11 binding${*:+, and $*}; then set PKCS11_MODULE if the library is in an unusual place"
fi

# SPDX-License-Identifier: BSD-3-Clause
# Archives and packages for others to install from (docs/installing.md).

DIST_NAME := seisproc-$(VERSION)
DIST := $(BUILD)/$(DIST_NAME).tar.gz
DEB_MAINTAINER ?= the seisproc authors <seisproc@packages.invalid>

.PHONY: dist deb check-deb install-environment

dist: ## pack what is committed as build/seisproc-VERSION.tar.gz, with its checksum
	@git rev-parse --verify -q HEAD >/dev/null || { echo "make dist: needs the repository, not a copy of it" >&2; exit 1; }
	@git diff --quiet HEAD || echo "make dist: changes that are not committed are left out" >&2
	@mkdir -p $(BUILD)
	@git archive --prefix=$(DIST_NAME)/ HEAD | gzip -9n >$(DIST)
	@cd $(BUILD) && sha256sum $(DIST_NAME).tar.gz | tee $(DIST_NAME).tar.gz.sha256

# The packages lie in build/deb; lintian looks at them where it is there.
deb: dist ## build Debian packages in build/deb (debhelper; DEB_MAINTAINER="Name <address>")
	@rm -rf $(BUILD)/deb && mkdir -p $(BUILD)/deb && tar -xzf $(DIST) -C $(BUILD)/deb
	@cp -r packaging/debian $(BUILD)/deb/$(DIST_NAME)/debian
	@cd $(BUILD)/deb/$(DIST_NAME)/debian && sed -i 's|@MAINTAINER@|$(DEB_MAINTAINER)|' control changelog.in && \
	  sed 's|@VERSION@|$(VERSION)|; s|@DATE@|'"$$(date -R -d @$$(git log -1 --format=%ct))"'|' changelog.in >changelog && \
	  rm changelog.in
	cd $(BUILD)/deb/$(DIST_NAME) && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL dpkg-buildpackage -us -uc -b -J
	@if command -v lintian >/dev/null; then lintian --fail-on error,warning $(BUILD)/deb/*.changes; fi

check-deb: ## install what `make deb` made in a bare Debian 12 tree and run a job there (root, debootstrap)
	@packaging/check-deb.sh $(BUILD)/deb

install-environment:
	install -d $(DEST_SHARE)/seisproc/modulefiles/seisproc
	sed '$(INSTALLED_PLACES)' packaging/environment/env.sh.in >$(DEST_SHARE)/seisproc/env.sh
	sed '$(INSTALLED_PLACES)' packaging/environment/modulefile.in >$(DEST_SHARE)/seisproc/modulefiles/seisproc/$(VERSION)

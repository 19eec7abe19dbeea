# What `cpack` makes of an installed dlock: .deb, .rpm and .tar.gz. scripts/package calls it.
set(CPACK_PACKAGE_NAME dlock)
set(CPACK_PACKAGE_VENDOR "the dlock authors")
set(CPACK_PACKAGE_CONTACT "the dlock authors <dlock@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "run a job on at most one machine of a cluster")
set(CPACK_PACKAGE_DESCRIPTION
    "dlock wraps cron lines, steps of deployment pipelines and systemd
units. It takes a lock in a Redis or Valkey that the machines share,
or in a directory of one machine, runs the job while it has the lock,
and kills every process of the job before the lock could be somebody
else's.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
# As Debian, Go and container registries name processors.
string(REGEX REPLACE "^x86_64$" "amd64" processor "${CMAKE_SYSTEM_PROCESSOR}")
string(REGEX REPLACE "^aarch64$" "arm64" processor "${processor}")
set(CPACK_PACKAGE_FILE_NAME "dlock-${PROJECT_VERSION}-linux-${processor}")
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/compress.cmake)
set(CPACK_VERBATIM_VARIABLES ON)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# OpenSSL is loaded when TLS is wanted, so nothing but this says so.
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "libssl3 | libssl3t64, ca-certificates")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "redis-server | valkey-server")

set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
set(CPACK_RPM_PACKAGE_LICENSE "not chosen yet")
set(CPACK_RPM_PACKAGE_GROUP "System Environment/Base")
set(CPACK_RPM_PACKAGE_RELEASE_DIST OFF)
set(CPACK_RPM_PACKAGE_AUTOREQ ON)
# Theirs, and no package's but the file system's.
set(CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION
    /usr/lib/systemd /usr/lib/systemd/system /usr/share/man /usr/share/man/man1 /usr/share/man/man5
    /usr/share/bash-completion /usr/share/bash-completion/completions /usr/share/fish
    /usr/share/fish/vendor_completions.d /usr/share/zsh /usr/share/zsh/site-functions)
# The same bytes whenever they are made (SOURCE_DATE_EPOCH).
set(CPACK_RPM_SPEC_MORE_DEFINE "%define source_date_epoch_from_changelog 0
%define use_source_date_epoch_as_buildtime 1
%define clamp_mtime_to_source_date_epoch 1
%define _buildhost dlock
%define _build_id_links none")

include(CPack)

# What is installed where, and the Debian package of it: cmake --build --preset release --target package
#
# `cmake --install` puts programs, catalogs, sources, the page and documents below its prefix. What
# belongs to a machine (/etc, systemd's units) is in the package alone.
include(GNUInstallDirs)
set(share ${CMAKE_INSTALL_DATADIR}/chiso)
set(doc ${CMAKE_INSTALL_DOCDIR})

install(TARGETS chiso chiso-html chiso-ingest chiso-scorer chiso-publisher)
install(DIRECTORY catalogs sources DESTINATION ${share})
install(DIRECTORY ${CMAKE_BINARY_DIR}/page/ DESTINATION ${share}/page)
install(DIRECTORY deploy/observe DESTINATION ${share})
install(DIRECTORY docs/ DESTINATION ${doc} PATTERN images EXCLUDE)
install(FILES README.md DESTINATION ${doc})
install(FILES LICENSE DESTINATION ${doc} RENAME copyright)

# changelog.gz NAME.SECTION.gz …: as Debian wants them, and the same bytes from the same sources
set(generated ${CMAKE_BINARY_DIR}/package)
set(pages)
foreach(page chiso.1 chiso-html.8 chiso-ingest.8 chiso-scorer.8 chiso-publisher.8)
  string(REGEX REPLACE "^(.*)[.](.)$" "\\1;\\2" parts ${page})
  list(GET parts 0 name)
  list(GET parts 1 section)
  add_custom_command(
    OUTPUT ${generated}/${page}.gz
    COMMAND ${CMAKE_COMMAND} -E make_directory ${generated}
    COMMAND ${CMAKE_CURRENT_LIST_DIR}/debian/man-page $<TARGET_FILE:${name}> ${section}
      ${PROJECT_VERSION} > ${generated}/${page}
    COMMAND gzip -9nf ${generated}/${page}
    DEPENDS ${name} ${CMAKE_CURRENT_LIST_DIR}/debian/man-page VERBATIM)
  list(APPEND pages ${generated}/${page}.gz)
  install(FILES ${generated}/${page}.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()
add_custom_command(
  OUTPUT ${generated}/changelog.gz
  COMMAND ${CMAKE_COMMAND} -E make_directory ${generated}
  COMMAND gzip -9nc ${PROJECT_SOURCE_DIR}/CHANGELOG.md > ${generated}/changelog.gz
  DEPENDS ${PROJECT_SOURCE_DIR}/CHANGELOG.md VERBATIM)
install(FILES ${generated}/changelog.gz DESTINATION ${doc})
if(NOT CHISO_SANITIZE)
  add_custom_target(man_pages ALL DEPENDS ${pages} ${generated}/changelog.gz)
endif()

set(machine COMPONENT machine EXCLUDE_FROM_ALL)
install(FILES deploy/debian/etc/ingest.yaml deploy/debian/etc/scorer.yaml
  deploy/debian/etc/publisher.yaml DESTINATION /etc/chiso ${machine})
install(FILES deploy/systemd/chiso-ingest.service deploy/systemd/chiso-scorer.service
  deploy/systemd/chiso-publisher.service deploy/systemd/chiso.target
  DESTINATION /lib/systemd/system ${machine})
install(FILES deploy/systemd/chiso.sysusers DESTINATION /usr/lib/sysusers.d RENAME chiso.conf
  ${machine})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME chiso)
set(CPACK_PACKAGE_CONTACT "the chiso developers <chiso@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "indexes of digital transformation, right, live and provable")
set(CPACK_PACKAGE_DESCRIPTION
  "Three services (ingest, scorer, publisher) keep a province's or the nation's
indexes of digital transformation and administrative reform: figures are pulled
from national sources or handed in with evidence, scored by the official rules,
and told to portals, an API and a live page. With the program chiso, which looks
after them, the catalogs of indexes and descriptions of sources.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_CMAKE_PROJECTS
  "${CMAKE_BINARY_DIR};chiso;ALL;/;${CMAKE_BINARY_DIR};chiso;machine;/")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS
  "ca-certificates, systemd | systemd-standalone-sysusers")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
foreach(script postinst prerm postrm conffiles)
  list(APPEND CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_LIST_DIR}/debian/${script})
endforeach()
include(CPack)

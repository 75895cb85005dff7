# How a library, a program and a test of Strata are declared.
#
#   strata_library(sys SOURCES fd.cc … DEPS base PUBLIC_LIBS … TESTS fd_test.cc …)
#   strata_program(strata SOURCES main.cc DEPS cli)
#
# A library `sys` is the target `strata_sys`; its tests become the program `sys_test`.

add_library(strata_flags INTERFACE)
# -iquote, not -I: <sys/mount.h> must stay the C library's, "sys/mount.h" is ours.
target_compile_options(strata_flags INTERFACE
  "SHELL:-iquote ${CMAKE_SOURCE_DIR}/src"
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wimplicit-fallthrough -Wno-missing-field-initializers -Werror=return-type
  -Werror=unused-result -fno-plt -ffunction-sections -fdata-sections
  $<$<CXX_COMPILER_ID:Clang>:-Wno-gnu-statement-expression>)
target_compile_definitions(strata_flags INTERFACE
  _FILE_OFFSET_BITS=64 STRATA_VERSION="${PROJECT_VERSION}")
target_link_options(strata_flags INTERFACE -Wl,--gc-sections)
if(STRATA_SANITIZE)
  target_compile_options(strata_flags INTERFACE -fsanitize=${STRATA_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(strata_flags INTERFACE -fsanitize=${STRATA_SANITIZE})
endif()
if(STRATA_FUZZ)
  target_compile_options(strata_flags INTERFACE -fsanitize=fuzzer-no-link,address,undefined)
  target_link_options(strata_flags INTERFACE -fsanitize=address,undefined)
endif()

function(strata_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PUBLIC_LIBS;LIBS;TESTS;TEST_LIBS" ${ARGN})
  add_library(strata_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(strata_${name} PUBLIC strata_flags ${ARG_PUBLIC_LIBS})
  target_link_libraries(strata_${name} PRIVATE ${ARG_LIBS})
  foreach(dep ${ARG_DEPS})
    target_link_libraries(strata_${name} PUBLIC strata_${dep})
  endforeach()
  if(ARG_TESTS AND STRATA_TESTS)
    add_executable(${name}_test ${ARG_TESTS})
    target_link_libraries(${name}_test PRIVATE strata_${name} ${ARG_TEST_LIBS} GTest::gtest GTest::gtest_main)
    gtest_discover_tests(${name}_test TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST
                         PROPERTIES LABELS unit TIMEOUT 120)
  endif()
endfunction()

# STATIC: no shared object at all, so that the program starts in well under a millisecond.
function(strata_program name)
  cmake_parse_arguments(ARG "STATIC" "" "SOURCES;DEPS;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  foreach(dep ${ARG_DEPS})
    target_link_libraries(${name} PRIVATE strata_${dep})
  endforeach()
  target_link_libraries(${name} PRIVATE strata_flags ${ARG_LIBS})
  if(ARG_STATIC AND NOT STRATA_SANITIZE AND NOT STRATA_FUZZ)
    target_link_options(${name} PRIVATE -static)
  endif()
endfunction()

# troupe_room(NAME): an OBJECT library troupe_NAME with alias troupe::NAME for one top-level folder.
# A room lists its sources itself (target_sources); what it may depend on is said at its place and
# proven by tests/rooms.
function(troupe_compile_options target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
    -Woverloaded-virtual -Wimplicit-fallthrough $<$<BOOL:${TROUPE_WERROR}>:-Werror>
    # g++ 12 sees overlaps in "text" + std::string (GCC bug 105651) and uninitialised members of inlined
    # strings (bug 105562) that are none.
    $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict;-Wno-maybe-uninitialized>)
  if(TROUPE_SANITIZE)
    # CAF's headers form references through null in unevaluated paths: see docs/HACKING.md.
    target_compile_options(${target} PRIVATE -fsanitize=${TROUPE_SANITIZE} -fno-omit-frame-pointer
      -fno-sanitize-recover=all)
    if(NOT TROUPE_SANITIZE STREQUAL "thread")
      target_compile_options(${target} PRIVATE -fno-sanitize=null)
    elseif(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      # Asio and CAF have stand-alone fences, which TSan only warns that it does not model.
      target_compile_options(${target} PRIVATE -Wno-tsan)
    endif()
    target_link_options(${target} PUBLIC -fsanitize=${TROUPE_SANITIZE})
  endif()
endfunction()

function(troupe_room name)
  add_library(troupe_${name} OBJECT)
  add_library(troupe::${name} ALIAS troupe_${name})
  troupe_compile_options(troupe_${name})
  target_include_directories(troupe_${name} PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
endfunction()

# troupe_asio(TARGET): Asio and Beast compiled once (actors/asio_impl.cpp), not in every file.
function(troupe_asio target)
  target_link_libraries(${target} PUBLIC Boost::headers OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
  target_compile_definitions(${target} PUBLIC BOOST_ASIO_SEPARATE_COMPILATION
    BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_VISIBILITY)
endfunction()

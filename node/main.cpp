#include <cstdio>
#include <cstring>

#include <troupe/version.hpp>

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "version") == 0) {
    std::printf("troupe %s\n", troupe::library_version());
    return 0;
  }
  std::fprintf(stderr, "usage: troupe version\n");
  return 64;
}

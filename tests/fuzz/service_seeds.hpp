// The first files of what services read: entities, grains, channels, and the link below them.
#pragma once

#include <filesystem>

void write_service_seeds(const std::filesystem::path& corpus);

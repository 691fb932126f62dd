// A line chart as SVG text: a logarithmic horizontal axis, a linear or logarithmic vertical one, a legend.
// No dependency, no interaction; what a README can show.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace troupe::bench {

struct plot_series {
  std::string name;
  int color = 0;        // index into the palette
  bool dashed = false;  //
  std::vector<std::pair<double, double>> points;
};

struct plot {
  std::string title;
  std::string x_label, y_label;
  bool log_y = false;  // values of 0 are drawn at the bottom
  std::vector<plot_series> series;
};

[[nodiscard]] std::string to_svg(const plot& p);

}  // namespace troupe::bench

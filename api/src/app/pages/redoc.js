// SPDX-License-Identifier: Apache-2.0
Redoc.init("/openapi.json", { disableSearch: true, hideHostname: true },
  document.getElementById("page"));

"use strict";
(() => {
  const sides = ["left", "right"].map(id => ({ id, list: document.getElementById(id), page: document.getElementById(id + "-page") }));
  const state = new URLSearchParams(location.hash.slice(1));
  const show = () => {
    for (const { list, page } of sides) {
      const address = list.value.split("/").map(encodeURIComponent).join("/") + "/index.html";
      if (page.getAttribute("src") !== address) page.setAttribute("src", address);
    }
    location.replace("#" + new URLSearchParams(sides.map(({ id, list }) => [id, list.value])));
  };
  sides.forEach(({ id, list }, place) => {
    const wanted = state.get(id);
    list.selectedIndex = Math.min(place, list.options.length - 1);
    if (wanted && Array.from(list.options).some(option => option.value === wanted)) list.value = wanted;
    list.addEventListener("change", show);
  });
  if (sides[0].list.options.length) show();
})();

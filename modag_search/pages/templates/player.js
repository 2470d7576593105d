"use strict";
// One sound at a time; a line over the picture shows where it is, and a click there plays from there.
(() => {
  const sounds = [...document.querySelectorAll("audio")];
  for (const sound of sounds) {
    const look = sound.parentElement.querySelector(".tile.sound .look");
    sound.addEventListener("play", () => {
      for (const other of sounds) if (other !== sound) other.pause();
    });
    if (!look) continue;
    const head = document.createElement("span");
    head.className = "head";
    head.hidden = true;
    look.append(head);
    const move = () => {
      head.hidden = sound.currentTime === 0;
      const share = sound.duration ? sound.currentTime / sound.duration : 0;
      head.style.transform = `translateX(${share * (look.clientWidth - 2)}px)`;
      if (!sound.paused) requestAnimationFrame(move);
    };
    for (const event of ["play", "seeked", "ended"]) sound.addEventListener(event, move);
    look.addEventListener("click", (event) => {
      const box = look.getBoundingClientRect();
      const share = (event.clientX - box.left) / box.width;
      const seek = () => { sound.currentTime = share * sound.duration; };
      if (sound.readyState > 0) seek();
      else sound.addEventListener("loadedmetadata", seek, { once: true });
      sound.play();
    });
  }
})();

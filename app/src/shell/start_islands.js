// The page is complete as it was served: what brings it to life is fetched when somebody turns to it, or once the browser has
// had time for everything else.
((afterMs) => {
	const signs = ["pointerover", "pointerdown", "touchstart", "keydown", "focusin"];
	let started = false;
	const start = () => {
		if (started) return;
		started = true;
		for (const sign of signs) removeEventListener(sign, start);
		document.head.append(document.getElementById("islands").content.cloneNode(true));
	};
	for (const sign of signs) addEventListener(sign, start, { passive: true });
	addEventListener("load", () => setTimeout(start, afterMs));
})

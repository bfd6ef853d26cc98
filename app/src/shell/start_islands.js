// Loads the hydration scripts on the first user input, or after a delay once the page has loaded.
((afterMs) => {
	const inputs = ["pointerover", "pointerdown", "touchstart", "keydown", "focusin"];
	let started = false;
	const start = () => {
		if (started) return;
		started = true;
		for (const input of inputs) removeEventListener(input, start);
		document.head.append(document.getElementById("islands").content.cloneNode(true));
	};
	for (const input of inputs) addEventListener(input, start, { passive: true });
	addEventListener("load", () => setTimeout(start, afterMs));
})

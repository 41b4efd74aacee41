import { lazy, Suspense } from 'react';
import { Route, Router, Switch } from 'wouter';
import { KeyGate } from './api/KeyGate';
import { HomePage } from './home/HomePage';
import { SearchProvider } from './search/SearchProvider';
import { Faults } from './shell/Faults';
import { NoPage } from './shell/NoPage';
import { Shell } from './shell/Shell';
import { Waiting } from './shell/Waiting';
import { VocabularyProvider } from './vocabulary/useVocabulary';

const LineagePage = lazy(() => import('./lineage/LineagePage'));
const CataloguePage = lazy(() => import('./catalogue/CataloguePage'));
const EntityPage = lazy(() => import('./entity/EntityPage'));
const LegendPage = lazy(() => import('./vocabulary/LegendPage'));

export function App() {
  return (
    <Router base="/ui">
      <KeyGate>
        <VocabularyProvider>
          <SearchProvider>
            <Shell>
              <Faults>
                <Suspense fallback={<Waiting />}>
                  <Switch>
                    <Route path="/" component={HomePage} />
                    <Route path="/lineage/*" component={LineagePage} />
                    <Route path="/entity/*" component={EntityPage} />
                    <Route path="/catalogue" component={CataloguePage} />
                    <Route path="/legend" component={LegendPage} />
                    <Route component={NoPage} />
                  </Switch>
                </Suspense>
              </Faults>
            </Shell>
          </SearchProvider>
        </VocabularyProvider>
      </KeyGate>
    </Router>
  );
}
